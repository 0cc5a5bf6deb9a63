"""What the tests say, ask for and attach."""

import base64

#: Characters of one to four bytes, quotes and a line break must all arrive as they left.
SAID = 'Grüße, 世界! 🦀 "quoted" \\ and\na second line'
LONG = " ".join(f"word{number}" for number in range(60))

#: A transparent pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
PNG_BASE64 = base64.b64encode(PNG).decode()
SAW_PNG = f"I see an image of {len(PNG)} bytes, image/png."

#: The least that is a document.
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
PDF_BASE64 = base64.b64encode(PDF).decode()
SAW_PDF = f"of {len(PDF)} bytes, application/pdf."

#: Nothing listens there, and Tieline fetches from public addresses only.
IMAGE_URL = "https://127.0.0.1:9/pixel.png"

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer"},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
STOCK = {
    "type": "object",
    "properties": {"symbol": {"type": "string"}},
    "required": ["symbol"],
    "additionalProperties": False,
}
#: Name, description and arguments of each tool.
TOOLS = (
    ("get_weather", "The weather of a city", WEATHER),
    ("get_stock", "The price of a stock", STOCK),
)
SCHEMAS = {name: schema for name, _, schema in TOOLS}
#: What each tool answers in the second turn.
RESULTS = {"get_weather": "12 degrees and rain", "get_stock": "178.20 USD"}

ANSWER = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "priority": {"type": "string", "enum": ["low", "high"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "open": {"type": "boolean"},
    },
    "required": ["title", "priority", "tags", "open"],
    "additionalProperties": False,
}
