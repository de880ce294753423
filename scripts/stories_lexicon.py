"""Word lists of the little world that `stories_corpus.py` writes about.

Only data lives here.  Entries of a list are separated by blanks (single words)
or by commas (phrases); a noun with an irregular plural is written "noun/plural"
and a verb as "base/past/ing-form".
"""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Split a list of single words."""
    return text.split()


def phrases(text: str) -> list[str]:
    """Split a list of comma-separated phrases."""
    return [part.strip() for part in text.replace("\n", " ").split(",") if part.strip()]


GIRLS = words(
    "Anna Bella Clara Daisy Edith Fiona Greta Hannah Iris Julia Kate Lucy Mabel Nora Olive Polly Rosa Sally Tilda Una"
    " Vera Wilma Ada Betty Cora Dora Ella Flora Grace Hilda Ivy Jane Lena Martha Nell Pearl Ruth Susan Tess Violet"
    " Agnes Brenda Celia Elsie Frida Gwen Heidi Ingrid Joan Kitty Lottie Molly Nancy Penny Rachel Stella Thea Wendy Zoe"
    " Maud Abigail Beatrice Charlotte Dorothy Eleanor Florence Georgia Helen Isabel Josephine Laura Margaret Nina"
    " Phoebe Rebecca Sophie Ursula Winifred Lydia Miriam"
)
BOYS = words(
    "Adam Ben Carl David Edgar Felix George Henry Ivan Jack Karl Leo Max Ned Oscar Peter Ralph Sam Tom Victor Walter"
    " Albert Bruno Cedric Daniel Ernest Frank Gus Harold Isaac Jacob Kurt Lewis Martin Noah Otto Paul Robin Simon Theo"
    " Arthur Bert Conrad Dan Emil Fritz Gilbert Hugo Jasper Luke Milo Nathan Oliver Philip Rufus Stanley Toby Willy"
    " Zack Matthew Andrew Benjamin Charles Dominic Edward Gabriel Howard Julian Kenneth Leonard Matthias Nicholas"
    " Patrick Quentin Robert Stephen Thomas Vincent William Xavier"
)
TOWNS = words(
    "Ashford Millbrook Oakham Fernley Redcliff Stonebury Wexton Larkhill Marlow Pinewick Dunmoor Elmstead Foxley"
    " Greyport Hazelton Kingsford Longmere Maplewood Northby Otterbank Priorsfield Quarrington Ravenhall Saltmarsh"
    " Thornby Underhill Valebridge Whitcombe Yarrow Appledale Birchley Crowhaven Deepwater Eastholm Highgate Swanage"
    " Barrowdale Claymore Drayton Easterly Fallowmere Gatesby Harrowgate Inverness Kelding Lowther Merrow Netherfield"
    " Osgood Penrith"
)
RIVERS = words("Arrow Bram Coll Dart Esk Frome Glen Hale Isla Leven Mersey Nene Otter Severn Tamar Wye")

TRAITS = words(
    "brave shy clever lazy kind greedy curious patient proud gentle stubborn cheerful honest careless quiet noisy"
    " generous jealous wise foolish polite clumsy busy sleepy hopeful gloomy playful serious loyal nervous thrifty"
    " merry bold modest dreamy fussy grumpy tender restless tidy sober moody witty humble timid daring frank obedient"
    " sincere practical vain truthful ambitious forgetful talkative cautious"
)
JOBS = words(
    "farmer baker miller tailor teacher fisherman carpenter blacksmith gardener shepherd sailor doctor painter potter"
    " cook weaver hunter postman librarian shoemaker clockmaker beekeeper musician merchant nurse innkeeper mason"
    " fiddler ferryman soldier woodcutter candlemaker goldsmith sculptor actor drummer pilot chemist barber lawyer"
    " dentist judge sheriff plumber glazier tanner butcher grocer"
)
ANIMALS = words(
    "fox bear hare mouse owl badger hedgehog squirrel otter frog toad goose duck rabbit mole wolf cat "
    "dog goat pony donkey crow robin heron beaver weasel tortoise hamster piglet lamb sparrow stork "
    "turtle parrot raven lion tiger monkey camel elephant kangaroo penguin seal zebra peacock falcon lizard salamander"
)

COLOURS = words("red blue green yellow white black brown grey golden silver purple orange pink scarlet")
MATERIALS = words("wood tin copper glass clay leather wool silk iron brass stone bone straw paper silver cotton")
SIZES = words("small large tiny huge long short little big narrow wide thin heavy light")
THING_ADJECTIVES = words(
    "old new shiny dusty broken pretty plain strange precious useful ugly rusty smooth rough polished painted carved"
    " patched cracked curious famous simple clean dirty bright warm soft fine worn neat antique battered charming crude"
    " dainty elegant enormous faded fragile glossy graceful hideous jagged magnificent mysterious ordinary rare"
    " scratched slender spotless tarnished valuable varnished wobbly wonderful"
)

TOOLS = words(
    "hammer saw shovel rake ladder rope bucket broom spade hook lantern kettle pot spoon ladle knife axe pan whisk"
    " anvil chisel lamp sieve trowel wheel oar net pulley plough sickle mallet crowbar pitchfork wrench lever barometer"
    " compressor magnet telescope microscope thermometer wheelbarrow toolbox"
)
TREASURES = words(
    "ring key locket crown medal pearl necklace bracelet compass watch mirror bell whistle flute drum "
    "fiddle harp trumpet statue vase cup goblet brooch clock horn jewel comb thimble "
    "amulet sceptre diamond emerald ruby tiara candlestick hourglass chalice figurine ornament snuffbox tankard globe"
)
CLOTHES = words(
    "hat scarf coat cloak mitten glove shawl apron ribbon belt jacket bonnet waistcoat blanket pillow "
    "cap slipper stocking shirt umbrella purse satchel quilt "
    "sweater sandal corset tunic veil sash bowtie kerchief gown helmet mantle robe"
)
TOYS = words(
    "ball kite doll puppet hoop wagon balloon sledge swing rattle puzzle boat skate stilt mask spinner "
    "trumpeter marionette yoyo seesaw rocket jigsaw top scooter tricycle domino"
)
PAPERS = words(
    "book map letter diary picture poem note card calendar scroll riddle song newspaper drawing photograph recipe"
)
BOXES = words("box chest sack jar drawer barrel crate trunk bag cupboard basket tub bin casket")
COUNTED = words(
    "apple pear plum cherry/cherries nut egg carrot potato/potatoes onion turnip bun loaf/loaves biscuit cake pie"
    " fish/fish mushroom berry/berries peach/peaches shell pebble feather acorn rose tulip button coin marble bead nail"
    " stamp candle bean lemon pumpkin radish/radishes cabbage sausage pancake chestnut walnut brick seed sheep/sheep"
    " hen bottle ticket pencil stone stick brush/brushes orange melon fig olive cucumber tomato/tomatoes pepper leek"
    " waffle muffin turkey chicken duckling kitten puppy/puppies plank tile thread spring lily/lilies daffodil orchid"
    " thistle pinecone crystal"
)
FOODS = words(
    "soup bread cheese porridge butter honey jam milk stew cider tea pudding salad toast gravy custard "
    "bacon ham cream oatmeal broth dumplings noodles rice "
    "sauce vinegar lemonade yoghurt marmalade cabbage lentils beans cocoa punch sherbet syrup pastry fudge"
)

PLACES = phrases(
    "in the barn, at the mill, by the river, on the hill, in the forest, at the harbour, at the market, "
    "in the garden, at the school, in the kitchen, in the cellar, in the attic, under the bridge, by the well, "
    "in the orchard, at the inn, in the chapel, on the beach, in the cave, at the station, in the library, "
    "in the workshop, in the stable, on the island, in the meadow, at the castle, in the tower, by the lake, "
    "in the village square, at the bakery, in the quarry, on the bridge, in the swamp, at the lighthouse, "
    "in the greenhouse, at the forge, in the vineyard, by the waterfall, at the crossroads, in the valley, "
    "in the schoolyard, at the fair, in the theatre, on the ferry, in the shop, at the farm"
)
SPOTS = phrases(
    "under the table, behind the door, beside the stove, on the shelf, under a stone, inside a hollow log, "
    "near the gate, on the bench, between two rocks, beneath the stairs, on the windowsill, behind the curtain, "
    "in the tall grass, under a pile of leaves, next to the wall, on a rusty nail, in a dark corner, by the fence, "
    "under the floor, on the roof, against the old oak, below the clock, on the doorstep, in the hay"
)

WALKS = words(
    "walk/walked run/ran hurry/hurried wander/wandered march/marched stroll/strolled creep/crept race/raced hike/hiked"
    " limp/limped skip/skipped trot/trotted drift/drifted rush/rushed tiptoe/tiptoed travel/travelled ride/rode"
    " climb/climbed gallop/galloped stumble/stumbled sneak/sneaked dash/dashed plod/plodded stride/strode"
    " waddle/waddled hop/hopped sail/sailed crawl/crawled scurry/scurried saunter/sauntered"
)
SAYS = words(
    "said asked whispered shouted replied answered cried laughed muttered sighed called added admitted "
    "explained promised grumbled declared murmured announced insisted suggested wondered giggled snapped "
    "confessed exclaimed grunted hissed howled joked mumbled observed protested remarked sobbed stammered"
)
ADVERBS = words(
    "slowly quickly quietly loudly softly gladly sadly happily bravely carefully gently politely proudly suddenly"
    " eagerly calmly angrily nervously warmly coldly kindly boldly shyly firmly lazily merrily patiently secretly"
    " cheerfully wearily thoughtfully brightly hastily sternly awkwardly honestly solemnly anxiously neatly tenderly"
    " bitterly briskly cautiously cleverly clumsily dreamily earnestly faintly fiercely gravely innocently joyfully"
    " lightly modestly playfully sharply sleepily stubbornly swiftly wisely"
)
MOODS = words(
    "happy sad angry tired hungry thirsty afraid lonely proud worried excited surprised bored grateful ashamed cold"
    " sick cross calm puzzled delighted homesick confused thankful disappointed furious jolly miserable relieved"
    " embarrassed curious impatient thoughtful uneasy content bitter amused astonished desperate"
)

NATURE = words(
    "wind rain snow fog sun moon river brook cloud storm thunder mist leaf branch oak willow pine reed grass bird"
    " swallow bee butterfly cricket stream wave tide shadow star frost hail breeze dew smoke rooster bat moth thrush"
    " lark nightingale dragonfly snail ant spider beetle salmon trout ivy fern blizzard drizzle lightning puddle meadow"
    " glacier canyon cliff boulder pond marsh maple birch poplar hazel clover heather poppy wasp hornet grasshopper"
    " caterpillar sparrowhawk eagle seagull cuckoo woodpecker badger squirrel deer"
)
NATURE_VERBS = words(
    "blew fell drifted shone glittered rustled murmured whistled roared trembled danced hummed swayed crept floated"
    " sparkled rolled gleamed faded rose hung moved circled sang waited sank spread flickered burned rested slept"
    " hovered swelled shivered whispered howled crackled dripped scattered twinkled lingered vanished tumbled wavered"
    " stretched thickened glowed soared fluttered dozed wandered melted"
)
NATURE_ADJECTIVES = words(
    "cold warm gentle wild bitter pale silent grey bright soft heavy lonely damp golden distant early late fresh cruel"
    " sweet misty frozen tall hollow mossy crooked ancient young hidden steep shallow deep dry muddy stormy peaceful"
    " gloomy silvery tangled weary bleak brisk dazzling dreary faint fierce fragrant frosty glorious humid lofty lush"
    " murky parched radiant rugged serene sombre sparse sturdy sullen tranquil vast velvety vivid withered"
)
NATURE_PLACES = phrases(
    "over the fields, across the valley, above the roofs, through the trees, along the shore, between the hills, "
    "against the windows, beyond the hedge, around the chimney, past the old mill, among the reeds, "
    "behind the mountains, beneath the arches, near the ruined wall, down the lane, over the rooftops, "
    "under the stars, along the canal, across the ice, through the broken shutters, towards the sea, "
    "around the church, over the wheat, beside the road"
)
WEATHER = {
    "it began to rain": ("wet", "dry", "sat by the fire"),
    "snow fell all night": ("cold", "warm", "drank hot tea"),
    "the sun burned down": ("hot", "cool", "rested in the shade"),
    "a thick fog came up": ("lost", "sure of the way", "followed the sound of the bell"),
    "a strong wind blew": ("tired of the wind", "calm", "hid behind the wall"),
    "the river flooded the road": ("muddy", "clean", "washed in the tub"),
    "the frost came early": ("frozen", "warm again", "put on another coat"),
    "thunder shook the houses": ("frightened", "quiet", "sang an old song"),
    "the fire went out": ("in the dark", "cosy", "fetched more wood"),
    "the bread ran out": ("hungry", "full", "baked a fresh loaf"),
}
WISHES = phrases(
    "see the sea, learn to read, find a true friend, build a house, cross the mountains, win the race, play the fiddle,"
    " sail to the island, own a horse, meet the king, grow the largest pumpkin, catch a trout, bake the best bread,"
    " climb the tower, mend the old clock, write a book, plant an orchard, dance at the fair, sleep under the stars,"
    " fly like a bird, taste real honey, paint the whole valley, earn a medal, hear the nightingale, repair the bridge,"
    " visit the capital, ride on a train, swim across the lake, open a shop, count all the stars, discover a treasure,"
    " understand the stars, tame an eagle, explore the caverns, design a bridge, conduct an orchestra, invent a"
    " machine, breed white horses, master the violin, become the mayor, taste a pineapple, follow the river to its"
    " source, own a vineyard, break the record"
)
LESSONS = phrases(
    "a friend is worth more than gold, patience brings the best fruit, a shared meal tastes better, small steps lead"
    " far, honest words last longest, nobody is too small to help, what is lost can be found again, a promise must be"
    " kept, courage grows with use, even a long winter ends, kindness comes back, good work needs time, an open door"
    " makes a happy house, the one who asks will learn, it is better to give than to keep, haste spoils the soup, every"
    " road leads home at last, a quiet voice can be heard, a borrowed coat never fits, laughter shortens the road, the"
    " deepest well has the clearest water, whoever listens learns twice, pride builds a crooked house, a small lamp is"
    " enough for a small room, even the mightiest oak was an acorn, a secret grows heavier each day"
)
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = words("January February March April May June July August September October November December")
SEASONS = words("spring summer autumn winter")
RELATIVES = words("mother father sister brother grandmother grandfather aunt uncle cousin neighbour daughter son")
HABITS = phrases(
    "sang in the morning, slept until noon, counted the clouds, talked to the birds, collected old buttons, told long"
    " stories, never closed the gate, got up before dawn, laughed at every joke, drank too much tea, forgot the names"
    " of things, walked with a stick, hummed while working, wore two hats, kept every letter, fed the ducks, looked for"
    " mushrooms, whistled after dark, dreamed of far countries, argued with the cat, polished every spoon, danced in"
    " the rain, carved little animals, read by candlelight, swept the street, spoke in rhymes, hated loud noises,"
    " feared deep water, loved a good riddle, saved every penny, gathered driftwood, mixed strange medicines, studied"
    " the planets, painted portraits, invented machines, trained pigeons, recited verses, whittled spoons, knitted"
    " enormous socks, predicted the weather, repeated every question, avoided crowded streets, borrowed without asking,"
    " juggled with eggs, memorised timetables, tasted every dish twice, envied the swallows, kept a secret diary"
)
WORKS = phrases(
    "mended the fence, chopped the wood, swept the floor, fed the hens, carried water, painted the door, dug the"
    " garden, washed the windows, baked bread, sewed a dress, milked the cow, picked berries, repaired the roof,"
    " polished the boots, cleaned the chimney, gathered hay, planted cabbages, cooked the supper, lit the lamps,"
    " sharpened the knives, built a wall, cut the hedge, stacked the bricks, brushed the horse, folded the sheets,"
    " watered the roses, salted the fish, tuned the harp, filled the barrels, wound the clock, shovelled the snow,"
    " trimmed the wicks, oiled the hinges, ground the corn, plucked the goose, emptied the attic, patched the sails,"
    " scrubbed the deck, weeded the lettuce, bottled the cider, spun the yarn, shod the mare, whitewashed the cottage,"
    " delivered the parcels, pruned the vines, churned the butter"
)
REASONS = phrases(
    "the old one was broken, winter was coming, a guest was expected, nobody else would do it, it was a holiday, the"
    " money was gone, the neighbours had complained, the mayor had asked for it, there was nothing to eat, the road was"
    " closed, a storm was near, the night was long, it had to be done before dark, a promise had been made, the wedding"
    " was close, the market was open, the inspector was due, the cellar was leaking, the harvest had failed, the ferry"
    " was late, the baby was asleep, the prize was tempting, the rumour had spread, the choir was rehearsing, the moon"
    " was full, the wagon had overturned"
)
NUMBERS = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}

# Words of the letters and recipes only (register B).
DISHES = words(
    "soup stew pie tart pudding bread cake dumplings pancakes salad broth casserole omelette roast jelly "
    "relish pickle biscuits crumble custard"
)
INGREDIENTS = words(
    "flour sugar salt pepper butter milk cream honey vinegar oil yeast cinnamon nutmeg ginger thyme parsley "
    "garlic mustard oats barley lentils bacon beef chicken cheese rice raisins almonds cocoa syrup mint basil"
)
MEASURES = phrases("grams of, spoons of, cups of, ounces of, handfuls of, pinches of, jugs of, slices of")
COOK_STEPS = phrases(
    "stir well, let it rest, knead the dough, bring it to the boil, skim the foam, chop everything finely, "
    "beat until smooth, strain through a cloth, cover the pan, turn it once, season to taste, "
    "fold in the rest, roll it out, sprinkle with flour, melt over a low flame, drain the water, "
    "grease the tin, peel and slice, whisk until stiff, simmer gently, cool on a rack, press it flat"
)
SERVINGS = phrases(
    "serve hot, serve cold, serve with bread, keep in a cool place, it lasts a week, it is best on the second day, "
    "garnish with mint, it will please the children, enjoy it on a cold evening, it goes well with cider"
)
GREETINGS = phrases("Dear, My dear, Dearest, Esteemed, Good, Beloved")
FAREWELLS = phrases(
    "Yours sincerely, With best wishes, Your loving friend, Yours truly, With warm regards, Ever yours, "
    "Yours faithfully, In haste, Your obedient servant, Until we meet again"
)
NEWS = phrases(
    "the roof has been mended at last, the new teacher has arrived, our harvest was poor this year, "
    "the railway is to be extended, my health is much improved, the rent has been raised again, "
    "the committee has approved the plan, our youngest has started school, the parcel arrived safely, "
    "the doctor recommends fresh air, the election caused a great stir, the bakery has changed hands, "
    "a concert will be held soon, the pipes froze during the night, the accounts are finally settled, "
    "the parish needs a new bell, prices have gone up once more, the photographs turned out well, "
    "we received your telegram, the garden is full of weeds"
)
REQUESTS = phrases(
    "send me the address of your tailor, let me know the date of your visit, return the book that I lent you, "
    "remember me to your parents, forward the enclosed invoice, keep this matter private, "
    "write as soon as you can, bring a warm coat, confirm the appointment, lend me a small sum, "
    "tell me what the lawyer said, order another dozen, forgive my late reply, water the plants while I am away"
)
