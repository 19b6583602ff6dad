from landbridge.domains.wording import listed, nearest


def test_a_long_list_is_cut_and_the_rest_counted():
    assert listed("abcd", most=2) == "'a', 'b' and 2 more"


def test_the_nearest_words_come_first_whatever_their_case():
    assert nearest("Taget", ["age", "target", "TARGETS"])[0] == "target"
    assert nearest("zzz", ["age"]) == []
