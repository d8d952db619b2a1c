"""The kinds of merchandise the demo sells: where each is shelved, what it costs, what varies."""

from dataclasses import dataclass
from typing import Final

from demo.shops import Line


@dataclass(frozen=True)
class Family:
    """One shelf: a category path of three levels, nouns, prices in cents, weight in grams."""

    code: str
    shape: str  # the drawing that illustrates it
    path: tuple[str, str, str]
    nouns: tuple[str, ...]
    cents: tuple[int, int]
    grams: int
    materials: tuple[str, ...]
    sizes: tuple[str, ...] = ()  # varies by color alone when empty


VOLUMES: Final = ("12 oz", "16 oz", "20 oz", "30 oz")
CLOTHES: Final = ("XS", "S", "M", "L", "XL", "2XL", "3XL")
STEEL: Final = ("Stainless steel", "Recycled steel")
CLAY: Final = ("Ceramic", "Stoneware", "Bone china")
COTTON: Final = ("Ringspun cotton", "Organic cotton", "Cotton/polyester")

DRINKWARE_FAMILIES: Final = (
    Family(
        "MUG",
        "mug",
        ("Drinkware", "Mugs &amp; Cups", "Ceramic Mugs"),
        ("Ceramic Mug", "Bistro Mug", "Café Mug"),
        (290, 1190),
        340,
        CLAY,
    ),
    Family(
        "CMP",
        "mug",
        ("Drinkware", "Mugs &amp; Cups", "Camp Mugs"),
        ("Enamel Camp Mug", "Speckled Camp Mug"),
        (490, 1450),
        180,
        ("Enameled steel",),
    ),
    Family(
        "TRV",
        "tumbler",
        ("Drinkware", "Mugs &amp; Cups", "Travel Mugs"),
        ("Travel Mug", "Commuter Mug"),
        (890, 2690),
        290,
        STEEL,
        VOLUMES[:3],
    ),
    Family(
        "BTL",
        "bottle",
        ("Drinkware", "Bottles", "Insulated Bottles"),
        ("Insulated Bottle", "Vacuum Bottle", "Sport Flask"),
        (1190, 3890),
        380,
        STEEL,
        VOLUMES,
    ),
    Family(
        "TRI",
        "bottle",
        ("Drinkware", "Bottles", "Tritan Bottles"),
        ("Tritan Bottle", "Infuser Bottle"),
        (450, 1690),
        160,
        ("Tritan", "Recycled PET"),
        VOLUMES[1:],
    ),
    Family(
        "ALU",
        "bottle",
        ("Drinkware", "Bottles", "Aluminum Bottles"),
        ("Aluminum Bottle", "Carabiner Bottle"),
        (390, 1290),
        110,
        ("Aluminum",),
    ),
    Family(
        "TUM",
        "tumbler",
        ("Drinkware", "Tumblers", "Vacuum Tumblers"),
        ("Vacuum Tumbler", "Straw Tumbler", "Slim Tumbler"),
        (990, 3490),
        330,
        STEEL,
        VOLUMES,
    ),
    Family(
        "ACR",
        "tumbler",
        ("Drinkware", "Tumblers", "Acrylic Tumblers"),
        ("Acrylic Tumbler", "Double-Wall Tumbler"),
        (390, 1190),
        190,
        ("Acrylic", "AS resin"),
    ),
    Family(
        "PNT",
        "glass",
        ("Drinkware", "Glassware", "Pint Glasses"),
        ("Pint Glass", "Mixing Glass", "Can Glass"),
        (240, 890),
        420,
        ("Soda-lime glass",),
    ),
    Family(
        "WIN",
        "glass",
        ("Drinkware", "Glassware", "Wine Glasses"),
        ("Stemless Wine Glass", "Wine Tumbler"),
        (350, 1590),
        260,
        ("Glass", "Crystal"),
    ),
    Family(
        "COO",
        "bag",
        ("Outdoor", "Coolers", "Can Coolers"),
        ("Can Cooler", "Slim Can Sleeve"),
        (90, 690),
        40,
        ("Neoprene", "Foam"),
    ),
    Family(
        "PBK",
        "tech",
        ("Tech", "Power", "Power Banks"),
        ("Power Bank", "Wireless Power Bank"),
        (1290, 4990),
        210,
        ("Aluminum", "Recycled ABS"),
    ),
    Family(
        "SPK",
        "tech",
        ("Tech", "Audio", "Speakers"),
        ("Bluetooth Speaker", "Shower Speaker"),
        (990, 5990),
        310,
        ("ABS", "Bamboo"),
    ),
    Family(
        "PEN",
        "pen",
        ("Writing", "Pens", "Ballpoint Pens"),
        ("Click Pen", "Stylus Pen", "Twist Pen"),
        (35, 290),
        10,
        ("ABS", "Bamboo", "Recycled PET"),
    ),
    Family(
        "NTB",
        "book",
        ("Writing", "Notebooks", "Hardcover Notebooks"),
        ("Hardcover Journal", "Dot-Grid Notebook"),
        (390, 1690),
        280,
        ("Paper", "Stone paper"),
    ),
)
APPAREL_FAMILIES: Final = (
    Family(
        "TEE",
        "tee",
        ("Apparel", "Tops", "T-Shirts"),
        ("Crew Tee", "V-Neck Tee", "Pocket Tee"),
        (390, 1490),
        160,
        COTTON,
        CLOTHES,
    ),
    Family(
        "POL",
        "tee",
        ("Apparel", "Tops", "Polos"),
        ("Piqué Polo", "Performance Polo"),
        (1290, 3490),
        220,
        COTTON,
        CLOTHES,
    ),
    Family(
        "HOO",
        "tee",
        ("Apparel", "Tops", "Sweatshirts &amp; Hoodies"),
        ("Pullover Hoodie", "Zip Hoodie", "Crew Sweatshirt"),
        (1990, 5490),
        480,
        COTTON,
        CLOTHES,
    ),
    Family(
        "FLC",
        "jacket",
        ("Apparel", "Outerwear", "Fleece"),
        ("Fleece Jacket", "Fleece Vest"),
        (2490, 6990),
        520,
        ("Recycled polyester",),
        CLOTHES,
    ),
    Family(
        "SFT",
        "jacket",
        ("Apparel", "Outerwear", "Softshells"),
        ("Softshell Jacket", "Bonded Vest"),
        (3490, 9490),
        610,
        ("Polyester/elastane",),
        CLOTHES,
    ),
    Family(
        "RAI",
        "jacket",
        ("Apparel", "Outerwear", "Rain Jackets"),
        ("Packable Rain Jacket", "Anorak"),
        (2290, 7990),
        340,
        ("Nylon",),
        CLOTHES[1:],
    ),
    Family(
        "CAP",
        "cap",
        ("Apparel", "Headwear", "Caps"),
        ("Trucker Cap", "Dad Cap", "Five-Panel Cap"),
        (590, 1990),
        90,
        ("Cotton twill", "Mesh"),
    ),
    Family(
        "BEA",
        "cap",
        ("Apparel", "Headwear", "Beanies"),
        ("Cuffed Beanie", "Slouch Beanie"),
        (490, 1690),
        70,
        ("Acrylic", "Merino blend"),
    ),
    Family(
        "SOC",
        "tee",
        ("Apparel", "Accessories", "Socks"),
        ("Crew Socks", "Ankle Socks"),
        (290, 990),
        60,
        ("Cotton blend",),
        ("S/M", "L/XL"),
    ),
    Family(
        "TOT",
        "bag",
        ("Bags &amp; Travel", "Totes", "Cotton Totes"),
        ("Cotton Tote", "Canvas Tote", "Market Tote"),
        (190, 1490),
        140,
        ("Cotton canvas",),
    ),
    Family(
        "JUT",
        "bag",
        ("Bags &amp; Travel", "Totes", "Jute Totes"),
        ("Jute Tote", "Jute Wine Bag"),
        (290, 1290),
        210,
        ("Jute",),
    ),
    Family(
        "BPK",
        "bag",
        ("Bags &amp; Travel", "Backpacks", "Laptop Backpacks"),
        ("Laptop Backpack", "Rolltop Backpack"),
        (1990, 8990),
        720,
        ("Recycled PET", "Waxed canvas"),
    ),
    Family(
        "DRW",
        "bag",
        ("Bags &amp; Travel", "Backpacks", "Drawstring Bags"),
        ("Drawstring Bag", "Cinch Sack"),
        (150, 990),
        80,
        ("Polyester", "Nonwoven"),
    ),
    Family(
        "DUF",
        "bag",
        ("Bags &amp; Travel", "Duffels", "Sport Duffels"),
        ("Sport Duffel", "Weekender"),
        (1490, 6990),
        640,
        ("Polyester", "Cotton canvas"),
    ),
)
SHARED_FAMILIES: Final = DRINKWARE_FAMILIES[-5:] + APPAREL_FAMILIES[-5:]
FAMILIES: Final[dict[Line, tuple[Family, ...]]] = {
    "drinkware": DRINKWARE_FAMILIES,
    "apparel": APPAREL_FAMILIES,
}
# The part of the sellable items that are variations; apparel comes in colors and sizes.
VARIATION_SHARE: Final[dict[Line, float]] = {"drinkware": 0.58, "apparel": 0.86}
