"""Reference scores of the similarity grader, written to similarity.json beside this file.

Written by nltk 3.10.4, rouge-score 0.1.2 and rapidfuzz 3.14.6. Nothing is downloaded: METEOR is asked for
without synonyms.
"""

import json
import pathlib

from nltk.stem.snowball import SnowballStemmer
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import single_meteor_score
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein
from rouge_score.rouge_scorer import RougeScorer


class NoSynonyms:
    def synsets(self, word):
        return []


PAIRS = [
    ("the cat sat on the mat", "the cat is on the mat"),
    ("the the the the the the the", "the cat is on the mat"),
    ("It is a guide to action which ensures that the military always obeys the commands of the party",
     "It is a guide to action that ensures that the military will forever heed Party commands"),
    ("cats were running quickly", "a cat runs quick"),
    ("on the mat the cat sat", "the cat sat on the mat"),
    ("Your refund of $20.50 was sent today.", "We have sent your refund of $20.50 today."),
    ("yes", "yes"),
    ("yes", "no"),
    ("two words", "two words"),
    ("a b c d e f g h", "a b c d x f g h"),
    ("a b a b a b", "b a b a"),
    ("short", "a much longer reference than the text itself"),
    ("kitten", "sitting"),
    ("Größe 42 in Köln", "Grösse 42 in Koeln"),
]

rouge = RougeScorer([f"rouge{n}" for n in range(1, 6)] + ["rougeL"])
stemmer = SnowballStemmer("english")
smooth = SmoothingFunction(epsilon=0.1).method1


def scores(text, reference):
    words, other = text.lower().split(), reference.lower().split()
    found = {
        "levenshtein": Levenshtein.normalized_similarity(text, reference),
        "fuzzy_match": fuzz.ratio(text, reference) / 100,
        "bleu": sentence_bleu([other], words, smoothing_function=smooth, auto_reweigh=True),
        "gleu": sentence_gleu([other], words),
        "meteor": single_meteor_score(other, words, stemmer=stemmer, wordnet=NoSynonyms(),
                                      alpha=0.9, beta=3.0, gamma=0.5),
    }
    # The package's own words are ASCII; what it says of other texts is no reference.
    if text.isascii() and reference.isascii():
        named = rouge.score(reference, text)
        found |= {f"rouge_{n}": named[f"rouge{n}"].fmeasure for n in range(1, 6)}
        found["rouge_l"] = named["rougeL"].fmeasure
    return {name: float(score) for name, score in found.items()}


rows = [{"text": a, "reference": b, "scores": scores(a, b)} for a, b in PAIRS]
target = pathlib.Path(__file__).with_name("similarity.json")
target.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
