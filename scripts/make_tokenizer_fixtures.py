#!/usr/bin/env python3
"""Makes testdata/tokenizers: small tokenizers with the exact pipelines of model families, and what the reference libraries
make of difficult texts with them.

Needs the packages `tokenizers` and `sentencepiece` (made with 0.23.3 and 0.2.3); nothing of the models themselves is read:
vocabularies are trained here, on the text below. Special tokens written in a text are text (encode_special_tokens), as in
quantbench. The vectors are the truth that the C++ tests compare with:

    FAMILY/tokenizer.json (or vocab.json and merges.txt, or tokenizer.model), tokenizer_config.json
    FAMILY/vectors.json   {"bos": id or null, "ids": one list for each text of texts.json, "long": count and hash}
    texts.json            the texts; the long one is all of them joined, repeated (LONG_REPEATS)

Usage: scripts/make_tokenizer_fixtures.py [OUT_FOLDER]
"""
import base64
import hashlib
import io
import json
import pathlib
import sys
import tempfile
import unicodedata

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

GPT4_STYLE = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{%s}| ?[^\s\p{L}\p{N}]+[\r\n]*"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = GPT4_STYLE % "1,3"
QWEN2 = GPT4_STYLE.replace("{%s}", "")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
LONG_REPEATS = 4

TEXTS = [
    "", " ", "  ", "   a", "a ", "a  b", "\n", "\n\n", " \n \n", "\t\tx\r\n\r\ny", "\u00a0x\u00a0", "a\u3000b\u2009c\u2028d",
    "Hello, world!", "Hello  world   again    and     more", "The quick brown fox jumps over the lazy dog.",
    "I've DON'T we'Ll they'RE it's y'all 'tis rock 'n' roll", "1 12 123 1234 12345 1234567890 3.14159 1e-5 0xFF 1,000,000",
    "½ ² Ⅳ ٣٤ ௧ ①", "caf\u00e9 cafe\u0301 na\u00efve A\u030a \u212b \ufb01 \u1e9b\u0323 ｆｕｌｌｗｉｄｔｈ", "İstanbul IŞIK ǅ ΣΊΣΥΦΟΣ",
    "中文分词，简体字。日本語のテキスト、한국어 텍스트", "मेरा नाम है। یہ اردو ہے۔ العربية، نص", "ไทย ភាសា",
    "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0302 \U0001f600\U0001f600", "\u200b\u200d\ufeff\u00ad", "def f(x):\n    return x**2  # squared\n\n\nfor i in range(10):\n\tprint(f(i))",
    "<s> </s> <unk> <|endoftext|> <|begin_of_text|> <|im_start|>", "<0x0A> <0xE4> ▁ a▁b ▁▁ Ġ Ċ", "<tool> x<tool>y  <tool>  z  <word> a<word> <word>",
    "https://example.org/a?b=c&d=%20#e user@host.tld C:\\path\\file", "...!!!???---___***", "$10 + £5 = €15 ^_^ `code` ~x~ |y|",
    "aAbBcCdDeE camelCaseWord SCREAMING_SNAKE snake_case kebab-case", "x" * 70, " " * 33 + "end", "\n" * 5 + "    indented", "a\u0000b\u0001c\u007f",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𒀀 \U0010ffff \ue000", "Ω≈ç√∫˜µ≤≥÷ åß∂ƒ©˙∆˚¬", " leading and trailing ", "tabs\tand\u000bvertical\u000cfeeds\u0085next",
    "ﷺ ㍿ ℡ ｱｲｳ ﾞ", "don\u2019t \u201cquote\u201d \u2026 — –", "zwj\u200djoin क्‍ष", "ſ K 'ſ 'S",
]

CORPUS = [
    "The quick brown fox jumps over the lazy dog. The dog, having been jumped over, sleeps on; the fox doesn't care.",
    "In the beginning there was nothing but the sea and the sky, and the wind that moved over the water in the night.",
    "She said that she'd never seen anything like it, and that they're all going to the market in the morning.",
    "def function(value):\n    return value + 1\n\nfor index in range(100):\n    print(function(index))\n",
    "int main() {\n  std::vector<int> values = {1, 2, 3};\n  return values.size() == 3 ? 0 : 1;\n}\n",
    "In 1984 there were 12345 of them; by 2024 the number was 67890, or 3.14 times as many as in 1999.",
    "Il était une fois un café naïf où l'on parlait français; Übergrößen für schöne Mädchen, señor niño mañana.",
    "中文的文字和日本語のテキスト、それに한국어 문장도 있습니다。中文中文 日本日本。",
    "Быстрая коричневая лиса прыгает через ленивую собаку. Η γρήγορη αλεπού.",
    "मेरा नाम भारत है। العربية نص قصير، هذا.", "Emoji 😀 👍 🎉 and signs € £ ½ © … — “quoted”.",
    "https://example.org/path?query=value&other=1 user@example.org   spaces    in     runs\n\n\nlines\t\ttabs",
]


def corpus():
    return CORPUS * 3


def long_text():
    return "\n".join(TEXTS) * LONG_REPEATS


def train_byte_level(pre_tokenizer, normalizer=None, size=520, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})


def split_then_bytes(expression):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(expression), "isolated", invert=False),
                                    byte_level(use_regex=False)])


def with_bos(tokenizer, bos):
    tokenizer.add_special_tokens([bos])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    return tokenizer


def normalization_rules():
    """As tab-separated values: compatibility forms of the characters of the texts, and white space as spaces. The rules that
    come with the library are 240 kB as a file."""
    forms = {a + b for text in TEXTS for a, b in zip(text, text[1:] + " ")} | {c for text in TEXTS for c in text}
    rules = {form: unicodedata.normalize("NFKC", form) for form in sorted(forms)}
    rules = {form: to for form, to in rules.items() if to != form and (len(form) == 1 or unicodedata.combining(form[1]))}
    rules.update({c: " " for c in "\t\n\r\u00a0\u3000\u2028"})
    rules["\u200b"] = ""
    spell = lambda text: " ".join(f"{ord(c):X}" for c in text)
    return "".join(f"{spell(form)}\t{spell(to)}\n" for form, to in rules.items())


def train_sentencepiece(kind, size=600, rules=False, **options):
    """The bytes of a tokenizer.model, without the names of files that it was made from."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
        if rules:
            table.write(normalization_rules())
            table.flush()
            options["normalization_rule_tsv"] = table.name
        lines = [line for entry in corpus() for line in entry.split("\n") if line.strip()]
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=written, vocab_size=size, model_type=kind, minloglevel=2,
            num_threads=1, hard_vocab_limit=False, **options)
    model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    return model.SerializeToString()


def pieces_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]


def ranked_merges(pieces):
    """Every way to put a piece together from two others, the piece of the highest score first."""
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    merges = []
    for piece, score in pieces:
        splits = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        splits = [pair for pair in splits if pair[0] in ids and pair[1] in ids]
        merges += [(score, pair) for pair in sorted(splits, key=lambda pair: (ids[pair[0]], ids[pair[1]]))]
    return [pair for _, pair in sorted(merges, key=lambda entry: -entry[0])]


def sentencepiece_bpe(model, normalizer=None, pre_tokenizer=None):
    pieces = pieces_of(model)
    special = {"<unk>", "<s>", "</s>", "<pad>", "<bos>", "<eos>"}
    ordinary = [p for p in pieces if p[0] not in special and not p[0].startswith("<0x")]
    merges = [pair for pair in ranked_merges(ordinary)]
    tokenizer = Tokenizer(models.BPE(vocab={p: i for i, (p, _) in enumerate(pieces)}, merges=merges, unk_token="<unk>",
                                     fuse_unk=True, byte_fallback=True))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens([p for p, _ in pieces if p in special])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(content=" ", left=1)])
    return tokenizer


LLAMA_NORMALIZER = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
LLAMA_OPTIONS = dict(byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                     split_digits=True, character_coverage=0.995, allow_whitespace_only_pieces=True)


def gpt2():
    tokenizer = train_byte_level(byte_level())
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def llama3():
    tokenizer = train_byte_level(split_then_bytes(LLAMA3), ignore_merges=True)
    tokenizer = with_bos(tokenizer, "<|begin_of_text|>")
    template = tokenizer.post_processor
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer


def qwen2():
    tokenizer = train_byte_level(split_then_bytes(QWEN2), normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>"])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    return tokenizer


def gpt_4o():
    return train_byte_level(split_then_bytes(O200K))


def gpt_neox():
    tokenizer = train_byte_level(byte_level(), normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|padding|>"])
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    return tokenizer


def bloom():
    tokenizer = train_byte_level(split_then_bytes(BLOOM))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", "<pad>"])
    return tokenizer


def phi2():
    tokenizer = gpt2()
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(31, 1, -1)])
    tokenizer.add_tokens([AddedToken("\t" * n, normalized=True) for n in range(9, 1, -1)])
    return tokenizer


def starcoder():
    return train_byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()]))


def prefix_space():
    """RoBERTa's ByteLevel, and the switches of added tokens."""
    tokenizer = train_byte_level(byte_level(add_prefix_space=True))
    tokenizer.add_tokens([AddedToken("<tool>", lstrip=True, rstrip=True), AddedToken("<word>", single_word=True)])
    return tokenizer


def digits_and_punctuation():
    return train_byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Punctuation("contiguous"),
        pre_tokenizers.Split("o", "merged_with_previous"), pre_tokenizers.Split(Regex(r"\s+$|e"), "merged_with_next"),
        byte_level(use_regex=False)]), normalizers.Sequence([
            normalizers.NFKD(), normalizers.Lowercase(), normalizers.Strip(left=True, right=True),
            normalizers.Replace(Regex(r"\p{Mn}+"), ""), normalizers.Replace("quick", "slow")]))


def llama2():
    tokenizer = sentencepiece_bpe(train_sentencepiece("bpe", **LLAMA_OPTIONS), LLAMA_NORMALIZER)
    return with_bos(tokenizer, "<s>")


def mistral():
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer = sentencepiece_bpe(train_sentencepiece("bpe", **LLAMA_OPTIONS), pre_tokenizer=metaspace)
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    return with_bos(tokenizer, "<s>")


def gemma():
    runs = ["\n\n", "\n\n\n", "▁▁", "▁▁▁"]
    model = train_sentencepiece("bpe", **{**LLAMA_OPTIONS, "add_dummy_prefix": False}, bos_piece="<bos>",
                                eos_piece="<eos>", user_defined_symbols=runs)
    tokenizer = sentencepiece_bpe(model, normalizers.Replace(" ", "▁"),
                                  pre_tokenizers.Split(" ", "merged_with_previous"))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in runs + ["<tool>"]])
    return with_bos(tokenizer, "<bos>")


def phi3():
    tokenizer = llama2()
    tokenizer.add_tokens([AddedToken("<tool>", rstrip=True, normalized=False), AddedToken("<word>", normalized=True)])
    return tokenizer


def character_map(model):
    """The field precompiled_charsmap of a tokenizer.model."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def unigram(model, pre_tokenizer, byte_fallback=False):
    """For the vectors, special pieces have another spelling, so that they are not found in texts."""
    pieces = pieces_of(model)
    special = ["<unk>", "<s>", "</s>"]
    normalizer = normalizers.Precompiled(base64.b64decode(character_map(model)))

    def build(spell):
        tokenizer = Tokenizer(models.Unigram([(spell(p), score) for p, score in pieces], 0, byte_fallback))
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizer
        return tokenizer

    tokenizer = build(lambda piece: piece)
    tokenizer.add_special_tokens(special)
    return tokenizer, build(lambda piece: "\ue123" + piece if piece in special else piece)


def unigram_t5():
    model = train_sentencepiece("unigram", size=400, rules=True)
    return unigram(model, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]))


def unigram_bytes():
    model = train_sentencepiece("unigram", size=500, rules=True, byte_fallback=True, character_coverage=0.98)
    return unigram(model, pre_tokenizers.Metaspace(prepend_scheme="first"), byte_fallback=True)


SENTENCEPIECE_MODELS = {
    "model_bpe_llama": dict(kind="bpe", **LLAMA_OPTIONS),
    "model_bpe_rules": dict(kind="bpe", rules=True, character_coverage=0.98, user_defined_symbols=["<tool>", "e"]),
    "model_bpe_gemma": dict(kind="bpe", **{**LLAMA_OPTIONS, "add_dummy_prefix": False}, bos_piece="<bos>",
                            user_defined_symbols=["▁▁", "▁▁▁", "\n\n", "<tool>"]),
    "model_unigram": dict(kind="unigram", size=400, rules=True, character_coverage=0.98),
    "model_unigram_bytes": dict(kind="unigram", size=600, byte_fallback=True, normalization_rule_name="identity",
                                character_coverage=0.98, user_defined_symbols=["<tool>", "the", "▁▁"],
                                remove_extra_whitespaces=False),
}

TOKENIZERS = [gpt2, llama3, qwen2, gpt_4o, gpt_neox, bloom, phi2, starcoder, prefix_space, digits_and_punctuation, llama2,
              mistral, gemma, phi3, unigram_t5, unigram_bytes]
# The form of merges before version 0.20 of the library.
MERGES_AS_TEXT = {"gpt2", "bloom"}


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_vectors(folder, encode, bos):
    long = encode(long_text())
    write_json(folder / "vectors.json", {
        "bos": bos, "ids": [encode(text) for text in TEXTS],
        "long": {"count": len(long), "sha256": hashlib.sha256(",".join(map(str, long)).encode()).hexdigest()}})


def write_tokenizer(folder, made, name):
    """`made`: a tokenizer, or one and another that the vectors are of."""
    tokenizer, reference = made if isinstance(made, tuple) else (made, None)
    tokenizer.encode_special_tokens = True
    document = json.loads(tokenizer.to_str())
    if name in MERGES_AS_TEXT:
        document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
        reread = Tokenizer.from_str(json.dumps(document))
        reread.encode_special_tokens = True
        tokenizer = reread
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "tokenizer.json", document)
    if reference is not None:
        tokenizer = reference
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    whole = tokenizer.encode("a").ids
    assert whole[len(whole) - len(plain):] == plain and len(whole) <= len(plain) + 1
    write_vectors(folder, lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
                  whole[0] if len(whole) > len(plain) else None)


def write_opt(folder):
    """vocab.json and merges.txt, with the switches of OPT: every text starts with </s>."""
    base = train_byte_level(byte_level())
    document = json.loads(base.to_str())["model"]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {token: index for index, token in enumerate(special)}
    vocabulary.update({token: index + len(special) for token, index in document["vocab"].items()})
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "vocab.json", vocabulary)
    merges = "".join(f"{left} {right}\n" for left, right in document["merges"])
    (folder / "merges.txt").write_text("#version: 0.2\n" + merges)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True, "add_prefix_space": False, "tokenizer_class": "GPT2Tokenizer", "errors": "replace",
        "bos_token": {"__type": "AddedToken", "content": "</s>", "lstrip": False, "normalized": True, "rstrip": False,
                      "single_word": False}})
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = byte_level()
    write_vectors(folder, lambda text: tokenizer.encode(text, add_special_tokens=False).ids, vocabulary["</s>"])


def write_sentencepiece(folder, model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model)
    write_vectors(folder, processor.encode, processor.bos_id())


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "testdata/tokenizers")
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "texts.json", {"texts": TEXTS, "long": {"separator": "\n", "repeats": LONG_REPEATS}})
    for make in TOKENIZERS:
        write_tokenizer(out / make.__name__, make(), make.__name__)
    write_opt(out / "opt")
    for name, options in SENTENCEPIECE_MODELS.items():
        write_sentencepiece(out / name, train_sentencepiece(**options))


if __name__ == "__main__":
    main()
