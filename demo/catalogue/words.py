"""The names the demo's merchandise is made of: colors, series, brands, sentences."""

from typing import Final

# Name, SKU code, the color of its drawing.
COLORS: Final = (
    ("Black", "BLK", "1f2328"),
    ("White", "WHT", "f2f4f7"),
    ("Navy", "NVY", "1d3461"),
    ("Royal Blue", "ROY", "2d5bd1"),
    ("Sky", "SKY", "7cc0f0"),
    ("Red", "RED", "c8322b"),
    ("Maroon", "MAR", "6d1f2f"),
    ("Orange", "ORG", "e8772e"),
    ("Sun Yellow", "YEL", "f2c230"),
    ("Forest", "FOR", "23533a"),
    ("Lime", "LIM", "9ccc3c"),
    ("Teal", "TEA", "1e8a8a"),
    ("Purple", "PUR", "6a3fa0"),
    ("Heather Gray", "HGR", "9aa3ad"),
    ("Natural", "NAT", "d9cbb0"),
)
SERIES: Final = (
    "Alder", "Anchor", "Aspen", "Atlas", "Basin", "Beacon", "Birch", "Boulder", "Bracken",
    "Bridge", "Canyon", "Cascade", "Cedar", "Cirrus", "Clover", "Cobble", "Compass", "Coral",
    "Cypress", "Dakota", "Delta", "Drift", "Echo", "Ember", "Fern", "Fjord", "Flint", "Garnet",
    "Glacier", "Grove", "Harbor", "Hazel", "Hollow", "Indigo", "Juniper", "Kestrel", "Lagoon",
    "Lark", "Ledger", "Lumen", "Maple", "Meadow", "Meridian", "Mesa", "Mosaic", "Nimbus", "North",
    "Oak", "Onyx", "Orchard", "Pacific", "Pebble", "Pine", "Prairie", "Quarry", "Quill", "Rally",
    "Ridge", "River", "Rowan", "Sable", "Sage", "Sierra", "Slate", "Solstice", "Spruce", "Summit",
    "Tandem", "Terra", "Thicket", "Timber", "Tundra", "Union", "Vale", "Vista", "Walnut",
    "Willow", "Wren", "Yarrow", "Zephyr",
)  # fmt: skip
# As stored: WordPress keeps an ampersand in a term's name as an entity.
BRANDS: Final = (
    "Northcup", "Loomfield", "Müller &amp; Söhne", "O'Brien", "Hearth &amp; Hollow", "Brightwell",
    "Kestrel Works", "Ostra", "Pine Street", "Quillmark", "Rowan Goods", "Saltmarsh", "Tidewater",
    "Umbra Lane", "Vela", "Wexford Mills", "Yellow Door", "Zealand Co.", "ACME \"Pro\"", "Čapek",
)  # fmt: skip
IMPRINTS: Final = ("Screen print", "Laser engraving", "Embroidery", "Full-color digital", "Deboss")
OPENINGS: Final = (
    "A dependable giveaway that people keep.",
    "Made for trade shows, welcome kits and long days.",
    "A quiet design that lets the logo speak.",
    "Our best seller for events on a budget.",
    "Built to last, finished by hand, easy to imprint.",
)
DETAILS: Final = (
    "Packed individually in recycled kraft paper.",
    "Hand wash recommended.",
    "Setup charge waived on repeat orders.",
    "Ships from our own warehouse within three working days.",
    "Complies with CPSIA and California Proposition 65.",
)
