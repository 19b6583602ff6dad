import numpy as np
import pytest

SHARED = {1: ("good", "great", "love"), 0: ("bad", "awful", "hate")}
OWN = {
    "books": {1: ("gripping", "moving", "witty"), 0: ("dull", "clumsy", "preachy")},
    "knives": {1: ("sharp", "sturdy", "handy"), 0: ("blunt", "rusty", "flimsy")},
}
NEUTRAL = {"books": ("plot", "author", "page"), "knives": ("blade", "handle", "steel")}


def _reviews(domain, n, rng, flips=0.1, both=0.5):
    """Texts of eight words with an opinion, in words that both domains use and in their own."""
    texts, labels = [], []
    for k in range(n):
        label = k % 2
        words = [rng.choice(NEUTRAL[domain]) for _ in range(4)]
        for _ in range(4):
            spoken = label if rng.random() > flips else 1 - label
            words.append(rng.choice(SHARED[spoken] if rng.random() < both else OWN[domain][spoken]))
        rng.shuffle(words)
        texts.append(" ".join(words))
        labels.append("up" if label else "down")
    return texts, np.array(labels)


@pytest.fixture
def reviews(rng):
    """Makes n reviews of books or knives, and their labels."""
    return lambda domain, n, **how: _reviews(domain, n, rng, **how)
