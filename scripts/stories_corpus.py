#!/usr/bin/env python3
"""Seeded generator of English-like text: short stories (register A), letters and recipes (register B).

Every document has its own random stream, derived from (register, seed, index), so the
same command gives the same bytes in any run and on any machine, and documents can be
generated in parallel.

What makes the text worth modelling: a story is a small simulation.  People own things
with fixed colours, walk between places, count their apples with correct sums, and the
end of a story comes back to its beginning, so a reader with a long memory can predict
what an n-gram cannot.  On top of that the world has habits (which adjective fits which
noun, who speaks how, which town lies on which river) that a model has to learn by heart,
and each story has a voice, a persistent preference among paraphrases.
"""

from __future__ import annotations

import argparse
import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import TypeVar

import stories_lexicon as lex

Option = TypeVar("Option")

REGISTERS = ("stories", "letters")
DOCUMENTS_PER_TASK = 256
VOICES = 8
VOICE_STRENGTH = 0.6
ALTERNATION = re.compile(r"\[([^\[\]]*)\]")


def forms(entry: str) -> tuple[str, str]:
    """("cherry", "cherries") from "cherry/cherries"; regular plurals get an s."""
    first, _, second = entry.partition("/")
    return first, second or first + "s"


COUNTED = [forms(entry) for entry in lex.COUNTED]
PLURAL = dict(COUNTED)
WALKED = [entry.split("/")[1] for entry in lex.WALKS]
THINGS: dict[str, list[str]] = {
    "tool": lex.TOOLS,
    "treasure": lex.TREASURES,
    "clothing": lex.CLOTHES,
    "toy": lex.TOYS,
    "paper": lex.PAPERS,
    "box": lex.BOXES,
}
USES = {
    "tool": "repaired the fence with|worked all day with|dug a hole with|cleaned the yard with|helped a neighbour with",
    "treasure": "admired|polished|hid|counted the scratches on|could not stop looking at",
    "clothing": "put on|mended|washed|brushed|wrapped the baby in",
    "toy": "played with|laughed about|raced down the lane with|showed everybody|practised with",
    "paper": "read|folded|copied|studied|read aloud from",
    "box": "opened|filled|emptied|looked into|sat down on",
}


@cache
def affinity(key: str, count: int, steepness: float) -> tuple[list[int], list[float]]:
    """The world's habits: for `key`, an order of `count` options and cumulative Zipf-like weights."""
    order = list(range(count))
    random = Random(f"world:{key}")
    order.sort(key=lambda _: random.random())
    cumulative = list(accumulate((rank + 1.0) ** -steepness for rank in range(count)))
    return order, cumulative


def number_word(value: int) -> str:
    """An integer from 0 to 99 in words."""
    if value <= 20:
        return lex.NUMBERS[value]
    tens, ones = value - value % 10, value % 10
    return lex.TENS[tens] + (f"-{lex.NUMBERS[ones]}" if ones else "")


def article(phrase: str) -> str:
    """`phrase` with a or an in front."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def listed(items: Sequence[str]) -> str:
    """ "a, b and c"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def capital(text: str) -> str:
    """`text` with its first letter in upper case (after an opening quote, if any)."""
    skip = 1 if text.startswith('"') else 0
    return text[:skip] + text[skip : skip + 1].upper() + text[skip + 1 :]


class Source:
    """Random choices of one document."""

    def __init__(self, name: str) -> None:
        self.random = Random(name).random
        self.voice = int(self.random() * VOICES)

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def between(self, low: int, high: int) -> int:
        """Uniform integer, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Sequence[Option]) -> Option:
        return options[int(self.random() * len(options))]

    def fitting(self, key: str, options: Sequence[Option], steepness: float = 1.0) -> Option:
        """One of `options`, with the preferences that the world attaches to `key`."""
        order, cumulative = affinity(key, len(options), steepness)
        return options[order[bisect_left(cumulative, self.random() * cumulative[-1])]]

    def sample(self, options: Sequence[Option], count: int) -> list[Option]:
        """`count` distinct options."""
        chosen: list[Option] = []
        while len(chosen) < count:
            option = options[int(self.random() * len(options))]
            if option not in chosen:
                chosen.append(option)
        return chosen

    def _alternative(self, match: re.Match[str]) -> str:
        options = match.group(1).split("|")
        if self.random() < VOICE_STRENGTH:
            return options[(zlib.crc32(match.group(1).encode()) // 7 * (self.voice + 1) // 3) % len(options)]
        return options[int(self.random() * len(options))]

    def say(self, template: str) -> str:
        """Resolve every [this|that] of a template, innermost first; the voice prefers one of each."""
        while "[" in template:
            template = ALTERNATION.sub(self._alternative, template)
        return template


@dataclass
class Thing:
    """A carryable object whose colour, material and size never change within a story."""

    noun: str
    category: str
    colour: str
    material: str
    adjective: str
    holder: Person | None = None
    place: str = ""
    spot: str = ""
    origin: str = ""

    @property
    def name(self) -> str:
        return f"{self.colour} {self.noun}"

    @property
    def the(self) -> str:
        return f"the {self.name}"


@dataclass
class Person:
    """A character with a fixed name, role and trait and a changing state."""

    name: str
    girl: bool
    role: str
    trait: str
    place: str
    visited: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def he(self) -> str:
        return "she" if self.girl else "he"

    @property
    def his(self) -> str:
        return "her" if self.girl else "his"

    @property
    def him(self) -> str:
        return "her" if self.girl else "him"


def fixed(key: str, options: Sequence[str]) -> str:
    """A fact of the world: always the same one of `options` for `key`."""
    return options[affinity(key, len(options), 1.0)[0][0]]


class Story:
    """One story: a small world, events that change it, and an ending that remembers."""

    def __init__(self, source: Source) -> None:
        self.s = source
        self.town = source.pick(lex.TOWNS)
        self.river = fixed("river" + self.town, lex.RIVERS)
        self.people: list[Person] = []
        self.things: list[Thing] = []
        self.log: list[str] = []
        self.promise: tuple[Person, Person, Thing] | None = None
        for _ in range(source.between(2, 4)):
            self._new_person()
        self.hero = self.people[0]
        self.wish = source.fitting("wish" + self.hero.trait, lex.WISHES, 0.6)
        for _ in range(source.between(2, 4)):
            self._new_thing()
        self.treasure = self.things[0]
        self.treasure.holder = self.hero
        self.home = self.hero.place

    def _new_person(self) -> None:
        s = self.s
        girl = s.chance(0.5)
        taken = {person.name for person in self.people}
        name = s.pick(lex.GIRLS if girl else lex.BOYS)
        while name in taken:
            name = s.pick(lex.GIRLS if girl else lex.BOYS)
        role = s.fitting("role" + name, lex.ANIMALS + lex.JOBS, 0.65)
        trait = s.fitting("trait" + role, lex.TRAITS, 0.7)
        place = s.fitting("home" + role, lex.PLACES, 0.9)
        self.people.append(Person(name, girl, role, trait, place))

    def _new_thing(self) -> Thing:
        s = self.s
        category = s.pick(list(THINGS))
        noun = s.pick(THINGS[category])
        while any(noun == thing.noun for thing in self.things):
            noun = s.pick(THINGS[category])
        colours = [thing.colour for thing in self.things]
        colour = s.fitting("colour" + noun, lex.COLOURS, 0.65)
        while colour in colours:
            colour = s.pick(lex.COLOURS)
        thing = Thing(
            noun,
            category,
            colour,
            s.fitting("material" + noun, lex.MATERIALS),
            s.fitting("adjective" + noun, lex.THING_ADJECTIVES + lex.SIZES, 0.8),
        )
        thing.place = s.fitting("place" + noun, lex.PLACES, 0.8)
        thing.spot = s.fitting("spot" + thing.place, lex.SPOTS, 0.8)
        self.things.append(thing)
        return thing

    # Pieces of sentences -------------------------------------------------

    def adverb(self, person: Person) -> str:
        return self.s.fitting("adverb" + person.trait, lex.ADVERBS, 0.95)

    def spoke(self, person: Person) -> str:
        verb = self.s.fitting("say" + person.trait, lex.SAYS, 0.95)
        if self.s.chance(0.25):
            return f"{verb} {person.name} {self.s.fitting('adverb' + verb, lex.ADVERBS, 1.1)}"
        return f"{verb} {person.name}"

    def subject(self, person: Person) -> str:
        s = self.s
        if s.chance(0.25):
            return f"the {person.role}" if s.chance(0.6) else f"the {person.trait} {person.role}"
        return person.name

    def known(self, thing: Thing) -> str:
        """How a thing already introduced is called."""
        return f"the {thing.noun}" if self.s.chance(0.25) else thing.the

    def others(self, person: Person) -> list[Person]:
        return [other for other in self.people if other is not person]

    def anyone(self) -> Person:
        return self.people[int(self.s.random() * len(self.people))]

    def ambient(self) -> str:
        """A sentence on weather and nature, built from the world's word affinities."""
        s = self.s
        noun = s.pick(lex.NATURE)
        adjective = s.fitting("nature" + noun, lex.NATURE_ADJECTIVES, 0.9)
        verb = s.fitting("verb" + noun, lex.NATURE_VERBS)
        where = s.fitting("where" + verb + noun, lex.NATURE_PLACES)
        form = s.between(0, 4)
        if form == 0:
            return f"The {adjective} {noun} {verb} {where}."
        if form == 1:
            return f"{capital(where)} the {adjective} {noun} {verb} {s.fitting('how' + verb + adjective, lex.ADVERBS)}."
        if form == 2:
            second = s.fitting("pair" + noun, lex.NATURE)
            verb_of_second = s.fitting("verb" + second, lex.NATURE_VERBS)
            return (
                f"The {noun} {verb} {where}, and the {second} {verb_of_second}"
                f" {s.fitting('how' + verb_of_second + second, lex.ADVERBS)}."
            )
        if form == 3:
            season = s.fitting("season" + noun, lex.SEASONS)
            return s.say(f"It was [a {adjective} day|{adjective} weather] in {season}, and the {noun} {verb} {where}.")
        other = s.fitting("second" + adjective + noun, lex.NATURE_ADJECTIVES, 0.9)
        return s.say(f"[Outside|Meanwhile|That evening|All the while] the {noun} {verb}, {adjective} and {other}.")

    def move(self, person: Person, place: str) -> str:
        s = self.s
        person.place = place
        person.visited.append(place)
        spot = place.split(" ", 1)[1]
        verb = s.fitting("walk" + person.role, WALKED, 0.9)
        if s.chance(0.3):
            return f"{capital(self.subject(person))} {verb} {self.adverb(person)} to {spot}."
        when = s.say("[Then|After that|Later|Before noon|Towards evening|Soon]")
        return s.say(
            f"[{when} {person.name} {verb} to {spot}.|{person.name} {verb} all the way to {spot}.|{when} {person.he}"
            f" {verb} to {spot}.]"
        )

    # Sections -------------------------------------------------------------

    def opening(self) -> str:
        s, hero, thing = self.s, self.hero, self.treasure
        who = f"{article(hero.trait)} {hero.role}"
        start = s.say(
            f"[Once upon a time {who} named {hero.name} lived in {self.town} on the river {self.river}.|{hero.name} was"
            f" {who} from {self.town}, a town on the river {self.river}.|In {self.town}, where the river {self.river}"
            f" is wide, there lived {who} called {hero.name}.|This is the tale of {hero.name}, {who} of"
            f" {self.town}.|Long ago, when the river {self.river} still had no bridge, {who} came to {self.town}."
            f" {capital(hero.his)} name was {hero.name}.]"
        )
        habit = s.fitting("habit" + hero.trait, lex.HABITS, 0.7)
        middle = s.say(
            f"[Everybody knew that {hero.name} {habit}.|{capital(hero.he)} {habit}, and people in {self.town} smiled"
            f" about it.|Like every {hero.role} in {self.town}, {hero.he} {habit}.]"
        )
        wish = s.say(
            f"[{capital(hero.he)} had only one wish: to {self.wish}.|More than anything {hero.he} wanted to"
            f" {self.wish}.|"
            f'"One day I will {self.wish}," {hero.he} used to say.|Every night {hero.he} dreamed of how it would be to'
            f" {self.wish}.]"
        )
        thing.origin = s.say(
            f"[a gift from {hero.his} {s.fitting('kin' + thing.noun, lex.RELATIVES)}|found {thing.spot} {thing.place}|"
            f"bought {s.fitting('bought' + thing.noun, lex.PLACES)} for {number_word(s.between(2, 30))} coins]"
        )
        owned = s.say(
            f"[{capital(hero.he)} owned {article(thing.adjective)} {thing.name} made of {thing.material},"
            f" {thing.origin}.|{capital(hero.his)} dearest possession was {article(thing.adjective)} {thing.name} of"
            f" {thing.material}, {thing.origin}.]"
        )
        return " ".join([start, middle, wish, owned])

    def introduce(self) -> str:
        s = self.s
        parts = []
        for person in self.people[1:]:
            who = f"{article(person.trait)} {person.role}"
            where = person.place
            parts.append(
                s.say(
                    f"[{person.name}, {who}, lived {where}.|{capital(where)} lived {who} named"
                    f" {person.name}.|{self.hero.name} often met {person.name}, {who} who"
                    f" {s.fitting('habit' + person.trait, lex.HABITS, 0.7)}.|There was also {person.name}, {who}."
                    f" {capital(person.he)} {s.fitting('habit' + person.trait, lex.HABITS, 0.7)}.]"
                )
            )
        return " ".join(parts)

    def find(self) -> str | None:
        lost = [thing for thing in self.things if thing.holder is None]
        if not lost:
            return None
        s, person, thing = self.s, self.anyone(), lost[0]
        where = thing.place
        parts = []
        if person.place != where:
            parts.append(self.move(person, where))
        if s.chance(0.4):
            parts.append(self.ambient())
        parts.append(
            s.say(
                f"[There, {thing.spot}, lay {article(thing.adjective)} {thing.name} made of"
                f" {thing.material}.|{capital(thing.spot)} {person.he} found {article(thing.adjective)} {thing.name} of"
                f" {thing.material}.|Something {thing.colour} was lying {thing.spot}. It was {article(thing.noun)},"
                f" {thing.adjective} and made of {thing.material}.]"
            )
        )
        if s.chance(0.5):
            parts.append(
                f'"{s.say("[What a find|How lucky|Look at this|Whose is this|Nobody will believe me]")}!"'
                f" {self.spoke(person)}."
            )
        parts.append(
            s.say(
                f"[{capital(person.he)} took {self.known(thing)} along.|{person.name} put it into {person.his}"
                f" bag.|{person.name} decided to keep {self.known(thing)}.]"
            )
        )
        thing.holder = person
        thing.origin = f"found {thing.spot} {where}"
        self.log.append(f"{person.name} found {thing.the} {where}")
        return " ".join(parts)

    def give(self) -> str | None:
        held = [thing for thing in self.things if thing.holder is not None]
        if not held:
            return None
        s = self.s
        thing = held[int(s.random() * len(held))]
        giver = thing.holder
        assert giver is not None
        taker = self.others(giver)[int(s.random() * (len(self.people) - 1))]
        reason = s.fitting("reason" + thing.noun + giver.trait, lex.REASONS, 0.8)
        parts = [
            s.say(
                f"[{giver.name} gave {self.known(thing)} to {taker.name} because {reason}.|"
                f"Because {reason}, {taker.name} asked {giver.name} for {self.known(thing)}, and {giver.name} handed it"
                " over.|"
                f'"Take {thing.the}," {self.spoke(giver)} to {taker.name}, for {reason}.|'
                f"{taker.name} borrowed {self.known(thing)} from {giver.name}, since {reason}.]"
            )
        ]
        thing.holder = taker
        mood = s.fitting("thanks" + taker.trait + thing.noun, lex.MOODS, 0.9)
        parts.append(
            s.say(
                f"[{taker.name} was {mood}.|That made {taker.him} {mood}.|{capital(taker.he)} looked {mood} and thanked"
                f" {giver.him} {self.adverb(taker)}.]"
            )
        )
        if s.chance(0.5):
            use = s.fitting("use" + thing.noun, USES[thing.category].split("|"), 0.9)
            parts.append(f"The same day {taker.name} {use} {self.known(thing)}.")
        self.log.append(f"{giver.name} gave {thing.the} to {taker.name}")
        return " ".join(parts)

    def ask_who(self) -> str | None:
        held = [thing for thing in self.things if thing.holder is not None]
        if not held or len(self.people) < 3:
            return None
        s = self.s
        thing = held[int(s.random() * len(held))]
        owner = thing.holder
        assert owner is not None
        asker, other = s.sample(self.others(owner), 2)
        question = s.say(
            f"[Who has {thing.the} now?|Do you know who took {thing.the}?|I am looking for {thing.the}. Who has it?]"
        )
        answer = s.say(
            f"[{owner.name} has it|You must ask {owner.name}, the {owner.role}|It belongs to {owner.name} now|The"
            f" {owner.role} has it]"
        )
        return f'"{question}" {self.spoke(asker)}. "{answer}," {self.spoke(other)}.'

    def ask_where(self) -> str:
        s = self.s
        target = self.anyone()
        asker = self.others(target)[0]
        helper = self.others(target)[-1]
        place = target.place
        if helper is asker:
            spot = place.split(" ", 1)[1]
            return s.say(
                f"[{asker.name} looked for {target.name} and found {target.him} {place}.|"
                f"{asker.name} wanted to see {target.name}, so {asker.he} went to {spot}, where {target.he} was.]"
            )
        question = s.say(f"[Where is {target.name}?|Have you seen {target.name}?|Where can I find the {target.role}?]")
        answer = s.say(
            f"[{capital(target.he)} is {place}|You will find {target.him} {place}|{target.name} is {place}, as far as I"
            " know]"
        )
        return f'"{question}" {self.spoke(asker)}. "{answer}," {self.spoke(helper)}.'

    def count(self) -> str:
        """Someone gains some countable goods, then gives, eats or loses part of them."""
        s, person = self.s, self.anyone()
        if person.counts and s.chance(0.7):
            singular = list(person.counts)[-1]
        else:
            singular = s.fitting("goods" + person.role, COUNTED, 0.6)[0]
        plural = PLURAL[singular]
        before = person.counts.get(singular, 0)

        def amount(value: int) -> str:
            return f"{number_word(value)} {singular if value == 1 else plural}"

        parts = []
        if before < 4:
            gain = s.between(3, 12)
            after = before + gain
            where = s.fitting("gather" + singular + person.role, lex.PLACES, 0.95)
            if before:
                parts.append(
                    s.say(
                        f"[{person.name} still had {amount(before)} and now got {number_word(gain)} more. That made"
                        f" {number_word(after)}.|To {person.his} {amount(before)} {person.name} added {amount(gain)},"
                        f" so {person.he} had {number_word(after)}.]"
                    )
                )
            else:
                parts.append(
                    s.say(
                        f"[{person.name} gathered {amount(gain)} {where}.|{capital(where)} {person.name} bought"
                        f" {amount(gain)}.|{capital(self.subject(person))} came home with {amount(gain)}.]"
                    )
                )
        else:
            after = before
            parts.append(
                s.say(
                    f"[{person.name} counted {person.his} {plural}: there were {number_word(after)} of"
                    f' them.|{person.name} still had {amount(after)}.|"How many {plural} do you have, {person.name}?"'
                    f' "I have {number_word(after)}."]'
                )
            )
        loss = s.between(1, after - 1)
        left = after - loss
        taker = self.others(person)[int(s.random() * (len(self.people) - 1))]
        verb = "was" if left == 1 else "were"
        kind = s.between(0, 2)
        if kind == 0:
            taker.counts[singular] = taker.counts.get(singular, 0) + loss
            parts.append(
                s.say(
                    f"[{capital(person.he)} gave {number_word(loss)} of them to {taker.name}, so {number_word(left)}"
                    f" {verb} left.|{taker.name} got {number_word(loss)} of the {plural}, and {person.name} kept"
                    f" {number_word(left)}.]"
                )
            )
        elif kind == 1:
            parts.append(
                s.say(
                    f"[{capital(number_word(loss))} of them {('was' if loss == 1 else 'were')}"
                    f" {s.fitting('spoiled' + singular, ['stolen', 'broken', 'lost', 'spoiled', 'sold'])}, and only"
                    f" {number_word(left)} {verb} left.|{capital(person.he)} lost {number_word(loss)} on the way, which"
                    f" left {number_word(left)}.]"
                )
            )
        else:
            parts.append(
                s.say(
                    f"[{capital(person.he)} put {number_word(loss)} aside for {s.pick(lex.DAYS)} and kept"
                    f" {number_word(left)} for {taker.name}.|After using {number_word(loss)}, {person.he} had"
                    f" {amount(left)}.]"
                )
            )
        person.counts[singular] = left
        return " ".join(parts)

    def ask_count(self) -> str | None:
        owners = [person for person in self.people if person.counts]
        if not owners:
            return None
        s = self.s
        person = owners[int(s.random() * len(owners))]
        singular = s.pick(list(person.counts))
        left = person.counts[singular]
        asker = self.others(person)[0]
        question = s.say(
            f"[How many {PLURAL[singular]} do you have, {person.name}?|{person.name}, how many {PLURAL[singular]} are"
            " left?]"
        )
        answer = s.say(
            f"[I have {number_word(left)}|There {'is' if left == 1 else 'are'} {number_word(left)}|Exactly"
            f" {number_word(left)}]"
        )
        return f'"{question}" {self.spoke(asker)}. "{answer}," {self.spoke(person)}.'

    def weather(self) -> str:
        s, person = self.s, self.anyone()
        cause = s.pick(list(lex.WEATHER))
        effect, cure, action = lex.WEATHER[cause]
        mate = self.others(person)[0]
        return s.say(
            f"[Then {cause}. Soon {person.name} was {effect}. {capital(person.he)} {action} until {person.he} was"
            f" {cure}.|"
            f"That night {cause}, and {person.name} and {mate.name} were {effect}. They {action}. By morning both were"
            f" {cure}.|"
            f'When {cause}, {person.name} was {effect} at once. "Do as I do," {self.spoke(mate)}, who {action}. So'
            f" {person.name} {action} too, and was {cure} again.]"
        ) + (" " + self.ambient() if s.chance(0.4) else "")

    def feeling(self) -> str:
        s, person = self.s, self.anyone()
        mood = s.fitting("mood" + person.trait, lex.MOODS, 0.7)
        mate = self.others(person)[0]
        reason = s.fitting("why" + mood + person.trait, lex.REASONS, 0.95)
        return s.say(
            f'["Why are you so {mood}, {person.name}?" {self.spoke(mate)}. "Because {reason}," {self.spoke(person)}.|'
            f"{person.name} felt {mood}, because {reason}. {mate.name} noticed that {person.he} was {mood} and"
            f" {s.fitting('comfort' + mood + mate.role, lex.HABITS, 0.9)}.|"
            f"As always when {person.he} was {mood}, {person.name}"
            f" {s.fitting('comfort' + mood + mate.role, lex.HABITS, 0.9)}.]"
        )

    def work(self) -> str:
        s, person = self.s, self.anyone()
        first = s.fitting("work" + person.role, lex.WORKS, 0.7)
        second = s.fitting("next" + first + person.role, lex.WORKS, 0.9)
        mate = self.others(person)[int(s.random() * (len(self.people) - 1))]
        day = s.fitting("day" + first, lex.DAYS, 0.6)
        reason = s.fitting("because" + first + person.trait, lex.REASONS, 0.95)
        return s.say(
            f"[On {day} {person.name} {first}, while {mate.name} {second}.|{capital(self.subject(person))} {first} and"
            f" {second}, because {reason}.|"
            f'First {person.name} {first}, then {person.he} {second}. "I am'
            f" {s.fitting('after' + second, lex.MOODS, 0.9)},\" {self.spoke(person)}.|"
            f'"Who {first}?" {self.spoke(mate)}. "It was me," {self.spoke(person)}, "because {reason}."]'
        )

    def travel(self) -> str:
        s, person = self.s, self.anyone()
        place = s.fitting("way" + person.place, lex.PLACES, 0.65)
        parts = [self.move(person, place)]
        if s.chance(0.6):
            parts.append(self.ambient())
        others = [other for other in self.others(person) if other.place == place]
        if others:
            parts.append(f"{others[0].name} was there already.")
        elif s.chance(0.4):
            parts.append(
                s.say(
                    "[Nobody was there.|The place was empty.|A stranger"
                    f" {s.fitting('stranger' + place, lex.HABITS, 0.8)} there.]"
                )
            )
        return " ".join(parts)

    def recount(self) -> str | None:
        if len(self.log) < 2:
            return None
        s, teller = self.s, self.anyone()
        listener = self.others(teller)[0]
        first, second = self.log[-2:]
        return s.say(
            f'["Tell me what happened," {self.spoke(listener)}. "First {first}, then {second}," {self.spoke(teller)}.|'
            f"{teller.name} told {listener.name} everything: how {first}, and how {second}.]"
        )

    def meal(self) -> str:
        s, host = self.s, self.anyone()
        first = s.fitting("food" + host.role, lex.FOODS, 0.8)
        second = s.fitting("with" + first, [food for food in lex.FOODS if food != first], 0.9)
        guests = [other.name for other in self.others(host)]
        return s.say(
            f"[In the evening {host.name} served {first} with {second} to {listed(guests)}.|"
            f"{host.name} cooked {first} and {second}. {listed(guests)} {'was' if len(guests) == 1 else 'were'}"
            " invited.] "
            f'["This {first} needs more {second}," {self.spoke(self.others(host)[0])}.|The {first} was gone before the'
            f" {second} was cold.|"
            f'"I never tasted better {first}," {self.spoke(self.others(host)[-1])}.]'
        )

    def vow(self) -> str | None:
        """Promise a thing now; `keep` may fulfil it later."""
        held = [thing for thing in self.things if thing.holder is not None]
        if self.promise or not held:
            return None
        s = self.s
        thing = held[int(s.random() * len(held))]
        giver = thing.holder
        assert giver is not None
        taker = self.others(giver)[0]
        self.promise = (giver, taker, thing)
        return s.say(
            f'["Tomorrow I will bring you {thing.the}, {taker.name}," {self.spoke(giver)}.|{giver.name} promised'
            f" {taker.name} to lend {taker.him} {thing.the}.]"
        )

    def keep(self) -> str | None:
        if not self.promise:
            return None
        giver, taker, thing = self.promise
        if thing.holder is not giver:
            return None
        self.promise = None
        thing.holder = taker
        self.log.append(f"{giver.name} brought {thing.the} to {taker.name}")
        return self.s.say(
            f"[As promised, {giver.name} brought {thing.the} to {taker.name}.|{giver.name} had not forgotten"
            f" {giver.his} promise to {taker.name}. {capital(giver.he)} brought {thing.the}.]"
        )

    def whereabouts(self) -> str | None:
        """Recount the places that someone has been to."""
        travellers = [person for person in self.people if len(person.visited) >= 2]
        if not travellers:
            return None
        person = travellers[0]
        seen = list(dict.fromkeys(place.split(" ", 1)[1] for place in person.visited))
        return self.s.say(
            f'[So far {person.name} had been to {listed(seen)}.|"I have seen {listed(seen)}," {self.spoke(person)}.]'
        )

    def dream(self) -> str:
        """A dream in which the words, but not the sentences, follow from each other."""
        s, person = self.s, self.anyone()
        kind = s.pick(lex.ANIMALS + lex.JOBS)
        trait = s.fitting("trait" + kind, lex.TRAITS, 0.7)
        work = s.fitting("work" + kind, lex.WORKS, 0.7)
        goods = s.fitting("goods" + kind, COUNTED, 0.8)[1]
        adjective = s.fitting("adjective" + goods, lex.THING_ADJECTIVES)
        where = s.fitting("dream" + kind + trait, lex.NATURE_PLACES)
        mood = s.fitting("dream" + person.trait, lex.MOODS)
        return s.say(
            f"[{person.name} dreamed of {article(trait)} {kind} who {work} {where}.|In a dream {person.name} saw"
            f" {article(trait)} {kind} with {adjective} {goods} {where}.|That night {article(trait)} {kind} came to"
            f" {person.name} in a dream, {work} and spoke of {adjective} {goods}.] [{capital(person.he)} woke up"
            f" {mood}.|In the morning {person.he} was {mood}.|It made {person.him} {mood} for a whole day.]"
        )

    def gossip(self) -> str:
        """Facts of the world at large, told by one of the people."""
        s, teller = self.s, self.anyone()
        town = s.pick(lex.TOWNS)
        job = s.fitting("trade" + town, lex.JOBS)
        habit = s.fitting("habit" + town + job, lex.HABITS)
        reason = s.fitting("reason" + job, lex.REASONS, 0.8)
        food = s.fitting("dish" + town, lex.FOODS)
        thing = s.fitting("craft" + job, lex.TOOLS + lex.TREASURES)
        colour = s.fitting("colour" + thing, lex.COLOURS, 0.65)
        return s.say(
            f"[\"In {town} on the river {fixed('river' + town, lex.RIVERS)} the {job} {habit},\" {self.spoke(teller)},"
            f' "because {reason}."|'
            f'"They eat {food} in {town}," {self.spoke(teller)}, "and the {job} there sells {article(colour)} {thing}'
            ' to everybody."|'
            f"{teller.name} told a story about the {job} of {town}, who {habit} and owned {article(colour)} {thing}.|"
            f"A letter from {town} said that the {job} {habit}, although {reason}.]"
        )

    def compare(self) -> str:
        """Two people differ as their traits say."""
        s = self.s
        first, second = s.sample(self.people, 2)
        work = s.fitting("work" + first.role, lex.WORKS, 0.7)
        how = s.fitting("manner" + first.trait + work, lex.ADVERBS)
        other = s.fitting("manner" + second.trait + work, lex.ADVERBS)
        food = s.fitting("taste" + first.trait + first.role, lex.FOODS)
        dislike = s.fitting("taste" + second.trait + second.role, lex.FOODS)
        return s.say(
            f"[When {first.name} {work}, {first.he} did it {how}; {second.name} would have done it {other}.|"
            f"The {first.role} liked {food}, but the {second.role} preferred {dislike}.|"
            f'"I {how} {work} today," {self.spoke(first)}. "I would rather eat {dislike}," {self.spoke(second)}.]'
        )

    def closing(self) -> str:
        s, hero, thing = self.s, self.hero, self.treasure
        owner = thing.holder
        assert owner is not None
        home = self.home.split(" ", 1)[1]
        back = s.say(
            f"[At last {hero.name} came back to {home}.|In the end everybody returned to {self.town}.|When it was over,"
            f" {hero.name} sat down {self.home}.]"
        )
        if owner is hero:
            kept = s.say(
                f"[{capital(hero.he)} still had {thing.the}, {thing.origin}.|The {thing.noun} of {thing.material} was"
                f" still as {thing.adjective} as ever.]"
            )
        else:
            kept = s.say(
                f"[{capital(thing.the)}, {thing.origin}, stayed with {owner.name}, the {owner.role}.|But {thing.the} of"
                f" {thing.material} now belonged to {owner.name}.]"
            )
        rest = [
            f"{person.name} had {number_word(number)} {noun if number == 1 else PLURAL[noun]} left"
            for person in self.people
            for noun, number in list(person.counts.items())[-1:]
        ]
        counted = capital(listed(rest)) + "." if rest and s.chance(0.6) else ""
        wish = s.say(
            f"[And did {hero.he} {self.wish}?"
            f" {s.pick(['Yes, the very next spring.', 'Not yet.', 'Nobody knows.', 'Of course.'])}|And the wish to"
            f" {self.wish} came true at last.|{capital(hero.he)} still wanted to {self.wish}, but there was no hurry.]"
        )
        lesson = s.fitting("lesson" + hero.trait, lex.LESSONS, 0.7)
        moral = s.say(
            f'[Since then people in {self.town} say that {lesson}.|"Remember," said the {hero.role}, "{lesson}."|On the'
            f" river {self.river} they still say: {lesson}.]"
        )
        return " ".join(part for part in (back, kept, counted, wish, moral) if part)

    def text(self) -> str:
        """The whole story: a title, paragraphs on lines of their own, a blank line at the end."""
        s = self.s
        title = s.say(
            f"[{self.hero.name} and the {self.treasure.noun}|The {self.hero.trait} {self.hero.role} of {self.town}|The"
            f" {self.treasure.name}|How {self.hero.name} wanted to {self.wish}]"
        )
        paragraphs = [title, self.opening(), self.introduce()]
        for _ in range(s.between(2, 5)):
            paragraph = []
            for _ in range(s.between(2, 4)):
                event = EVENTS[int(s.random() * len(EVENTS))](self)
                if event:
                    paragraph.append(event)
                if s.chance(0.3):
                    paragraph.append(self.ambient())
            if paragraph:
                paragraphs.append(" ".join(paragraph))
        paragraphs.append(self.closing())
        return "\n".join(paragraphs) + "\n\n"


EVENTS: list[Callable[[Story], str | None]] = [
    Story.find,
    Story.find,
    Story.give,
    Story.give,
    Story.ask_who,
    Story.ask_where,
    Story.count,
    Story.count,
    Story.ask_count,
    Story.weather,
    Story.feeling,
    Story.work,
    Story.work,
    Story.travel,
    Story.travel,
    Story.recount,
    Story.meal,
    Story.vow,
    Story.keep,
    Story.whereabouts,
    Story.ambient,
    Story.dream,
    Story.gossip,
    Story.gossip,
    Story.compare,
]


def letter(s: Source) -> str:
    """A formal or family letter."""
    sender = s.pick(lex.GIRLS + lex.BOYS)
    relative = s.fitting("letter" + sender, lex.RELATIVES, 0.6)
    women = ("mother", "sister", "grandmother", "aunt", "daughter")
    receiver = s.pick(
        lex.GIRLS if relative in women or (relative in ("cousin", "neighbour") and s.chance(0.5)) else lex.BOYS
    )
    town = s.pick(lex.TOWNS)
    date = f"{town}, {s.between(1, 28)} {s.pick(lex.MONTHS)} {1850 + s.between(0, 69)}"
    greeting = f"{s.fitting('greet' + relative, lex.GREETINGS)} {relative} {receiver},"
    start = s.say(
        f"[thank you for your letter of {s.pick(lex.DAYS)}|I hope this finds you in good health|many weeks have passed"
        f" since I wrote to you|I write to you from {town} on the {fixed('river' + town, lex.RIVERS)}] [which gave me"
        " great pleasure|and I trust that all is well|though there is little to report]."
    )
    news = s.sample(lex.NEWS, s.between(2, 4))
    body = [
        s.say(f"[Here|As you may have heard,|I am glad to say that|You will be surprised that] {item}.")
        for item in news
    ]
    item, colour = s.pick(lex.TREASURES + lex.CLOTHES + lex.PAPERS), s.pick(lex.COLOURS)
    body.append(
        s.say(
            "[Enclosed you will find|By separate post I am sending|I have put aside for you]"
            f" {article(s.fitting('adjective' + item, lex.THING_ADJECTIVES, 0.7))} {colour} {item}, worth"
            f" {number_word(s.between(2, 99))} [shillings|crowns|pounds]."
        )
    )
    requests = s.sample(lex.REQUESTS, s.between(1, 3))
    body += [s.say(f"[Please|Would you kindly|I beg you to] {request}.") for request in requests]
    body.append(
        s.say(
            f"[When you hear that {news[0]}, think of me.|As to the {colour} {item}, treat it with care.|In"
            f" {s.pick(lex.MONTHS)} I hope to visit you, dear {receiver}.]"
        )
    )
    return (
        "\n".join(
            [
                date,
                greeting,
                capital(start) + " " + " ".join(body),
                f"{s.fitting('farewell' + relative, lex.FAREWELLS)},",
                sender,
            ]
        )
        + "\n\n"
    )


def recipe(s: Source) -> str:
    """A recipe whose steps use the ingredients that it lists."""
    dish = s.pick(lex.DISHES)
    single, main = s.fitting("main" + dish, COUNTED[:30], 0.6)
    used = list(dict.fromkeys(s.fitting("into" + dish, lex.INGREDIENTS, 0.4) for _ in range(s.between(3, 7))))
    many = s.between(2, 12)
    lines = [capital(s.say(f"[{single} {dish}|{dish} with {main}|{s.pick(lex.TOWNS)} {dish}]"))]
    needs = [f"{number_word(many)} {main}"]
    needs += [
        f"{s.between(1, 40) * 5 if s.chance(0.5) else number_word(s.between(1, 9))}"
        f" {s.fitting('measure' + item, lex.MEASURES)} {item}"
        for item in used
    ]
    lines.append("Ingredients: " + "; ".join(needs) + ".")
    steps = [s.say(f"[Wash|Peel|Slice|Boil|Chop] the {number_word(many)} {main}.")]
    for item in used:
        step = s.fitting("step" + item, lex.COOK_STEPS, 0.65)
        steps.append(s.say(f"[Add the {item} and {step}|Now {step}, then add the {item}|Mix in the {item}; {step}]."))
    steps.append(
        s.say(
            f"[Bake|Cook|Leave] for {s.between(1, 18) * 5} minutes, then"
            f" {s.fitting('finish' + dish, lex.SERVINGS, 0.7)}."
        )
    )
    lines += [f"{number}. {step}" for number, step in enumerate(steps, 1)] if s.chance(0.5) else [" ".join(steps)]
    return "\n".join(lines) + "\n\n"


def document(register: str, seed: int, index: int) -> str:
    """Document `index` of a register: the unit of determinism."""
    source = Source(f"{register}:{seed}:{index}")
    if register == "stories":
        return Story(source).text()
    return letter(source) if source.chance(0.5) else recipe(source)


def _batch(task: tuple[str, int, int]) -> str:
    register, seed, start = task
    return "".join(document(register, seed, start + offset) for offset in range(DOCUMENTS_PER_TASK))


def batches(register: str, seed: int, workers: int = 1) -> Generator[str, None, None]:
    """Endless stream of batches of documents, in index order whatever the number of workers."""
    start = 0
    with ProcessPoolExecutor(workers) as pool:
        while True:
            tasks = [(register, seed, start + DOCUMENTS_PER_TASK * i) for i in range(workers * 4)]
            start += DOCUMENTS_PER_TASK * len(tasks)
            yield from pool.map(_batch, tasks)


def generate(register: str, seed: int, size: int, workers: int = 1) -> str:
    """At least `size` bytes of text, cut after the first document that reaches it."""
    parts: list[str] = []
    total = 0
    stream = batches(register, seed, workers)
    while total < size:
        for text in split_documents(next(stream)):
            parts.append(text)
            total += len(text.encode())
            if total >= size:
                break
    stream.close()
    return "".join(parts)


def split_documents(text: str) -> list[str]:
    """The documents of a text, each with its trailing blank line."""
    return [part + "\n\n" for part in text.split("\n\n") if part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--register", choices=REGISTERS, default="stories", help="kind of text (default: stories)")
    parser.add_argument("--seed", type=int, default=1, help="texts of different seeds share no document (default: 1)")
    parser.add_argument("--megabytes", type=float, default=1.0, help="size of the text (default: 1)")
    parser.add_argument("--workers", type=int, default=2, help="processes; has no influence on the text (default: 2)")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    arguments = parser.parse_args()
    text = generate(arguments.register, arguments.seed, int(arguments.megabytes * 1e6), arguments.workers)
    arguments.out.write_bytes(text.encode())


if __name__ == "__main__":
    main()
