"""Networks over word vectors in PyTorch. Imported when one is made."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

WINDOWS = (3, 4, 5)


def make_network(
    kind: str,
    embedding: NDArray,
    n_outputs: int,
    width: int,
    train_embedding: bool,
    dropout: float,
) -> nn.Module:
    """A network from word numbers (n, steps) to outputs (n, n_outputs)."""
    network: Any = {"gru": RecurrentWords, "cnn": ConvolvedWords}[kind]
    return network(embedding, n_outputs, width, train_embedding, dropout)


class Words(nn.Module):
    """Word numbers, which come as floats, to word vectors; that of number 0 stays zero."""

    def __init__(self, embedding: NDArray, is_trained: bool):
        super().__init__()
        vectors = torch.as_tensor(embedding).clone()
        self.vectors = nn.Embedding.from_pretrained(vectors, not is_trained, padding_idx=0)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Vectors (n, steps, d)."""
        return self.vectors(X.long())


class RecurrentWords(nn.Module):
    """A gated recurrent unit over the words; its state after the last one goes to the head."""

    def __init__(
        self, embedding: NDArray, n_outputs: int, width: int, is_trained: bool, dropout: float
    ):
        super().__init__()
        self.words = Words(embedding, is_trained)
        self.unit = nn.GRU(embedding.shape[1], width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, n_outputs)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outputs (n, k)."""
        states = self.unit(self.words(X))[0]
        lengths = (X > 0).sum(dim=1)
        last = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
        state = states.gather(1, last)[:, 0] * (lengths > 0)[:, None]  # no words, no state
        return self.head(self.dropout(state))


class ConvolvedWords(nn.Module):
    """Filters over some words each, of which the largest answer in the text goes to the head.

    Texts begin and go on with zeros (Kim 2014), so many that each filter answers to zeros alone
    once: then more of them change nothing.
    """

    def __init__(
        self, embedding: NDArray, n_outputs: int, width: int, is_trained: bool, dropout: float
    ):
        super().__init__()
        self.words = Words(embedding, is_trained)
        d = embedding.shape[1]
        self.filters = nn.ModuleList(nn.Conv1d(d, width, k, padding=k) for k in WINDOWS)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width * len(WINDOWS), n_outputs)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outputs (n, k)."""
        rows = self.words(X).transpose(1, 2)
        largest = [filters(rows).relu().amax(dim=2) for filters in self.filters]
        return self.head(self.dropout(torch.cat(largest, dim=1)))
