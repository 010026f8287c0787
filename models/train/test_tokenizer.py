"""Checks the tokenizer file: what goes in comes out, and text can never become a marker.

python models/train/test_tokenizer.py --models models
"""

import argparse
import random
from pathlib import Path

from tokenizer import SIZE, SPACE, SPECIAL, Tokenizer

ROUNDS = 20000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of tokenizer.json")
    tokenizer = Tokenizer(parser.parse_args().models / "tokenizer.json")

    assert len(tokenizer.pieces) == len(set(tokenizer.pieces)) == SIZE
    assert not any(SPACE in piece[1:] for piece in tokenizer.pieces), "a piece crosses a space"
    for text in ["", " ", "  ", " a", "a ", "a\n b", *SPECIAL, "<0x41>", "\U0010ffff", "\0"]:
        check(tokenizer, text)
    chance = random.Random(1)
    for _ in range(ROUNDS):
        check(tokenizer, random_text(chance))
    # The one exception: the character that stands for a space inside pieces is read as a space, as
    # in every tokenizer of this kind.
    assert tokenizer.decode(tokenizer.encode(SPACE)) == " "
    print(f"{ROUNDS} random texts came back as they went in")


def check(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text, (text, ids)
    assert all(token >= len(SPECIAL) for token in ids), (text, ids)


def random_text(chance):
    alphabets = [
        (32, 126),
        (32, 126),
        (0, 255),
        (0x370, 0x2FFF),
        (0x3000, 0xD7FF),
        (0xE000, 0xFFFF),
        (0x10000, 0x10FFFF),
    ]
    characters = (chr(chance.randint(*chance.choice(alphabets))) for _ in range(chance.randint(0, 30)))
    return "".join(characters).replace(SPACE, "")


if __name__ == "__main__":
    main()
