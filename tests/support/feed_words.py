"""Words that the bundled feeds are made of: common names, real towns with a postcode, streets; nobody in particular."""

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    """The words of a text; ~ stands for a space inside one."""
    return tuple(word.replace("~", " ") for word in text.split())


GERMAN_GIVEN: Final = {
    "w": _words("""
        Anna Lena Sophie Katharina Julia Sabine Petra Monika Ursula Heike Claudia Nadine Franziska Jana Miriam
        Käthe Bärbel Greta Ida Frieda Johanna Silke Antje Britta Dörte Elke Gudrun Hannelore Ilse Jutta Karin
        Lieselotte Marlene Nele Ottilie Renate Simone Tanja Ulrike Wiebke
    """),
    "m": _words("""
        Jörg Lukas Jonas Felix Maximilian Stefan Thomas Andreas Michael Wolfgang Günter Jürgen Björn Sören
        Matthias Christoph Sebastian Tobias Florian Markus Rolf Horst Dieter Helmut Manfred Olaf Uwe Ralf Götz
        Hauke Torben Henning Malte Moritz Anton Emil Friedrich Karsten Lennart Reinhard
    """),
}
GERMAN_FAMILY: Final = _words("""
    Schulz Becker Hoffmann Wagner Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger
    Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Köhler Herrmann König Walter Mayer Huber Kaiser
    Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller Günther Frank Berger Winkler
    Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Schumacher Krämer Vogt
    Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Dietrich Ziegler Kuhn Kühn Pohl
    Engel Horn Busch Bergmann Voigt Sauer Arnold Pfeiffer Ahrens Lütkemeyer Brüggemann Dähnhardt Eßer Grünewald
    Hölscher Kästner Löwe Nüßlein Pötter Rübsamen Süßkind Täuber Überschär Wüstenberg Zöllner Ostermann Petersen
    Quandt Reuter Stahlberg Tiedemann Uhlenbrock Vossberg Wiegand
""")
ENGLISH_GIVEN: Final = {
    "w": _words("""
        Emily Charlotte Olivia Grace Hannah Megan Rachel Victoria Abigail Eleanor Harriet Imogen Philippa Rosie
    """),
    "m": _words("""
        Oliver Harry George Jack Edward Callum Duncan Ewan Graham Hugh Nigel Rupert Stuart Trevor
    """),
}
ENGLISH_FAMILY: Final = _words("""
    Ashworth Bancroft Caldwell Davenport Ellsworth Fairclough Garside Hathaway Ibbotson Jephson Kershaw Lockwood
    Marchbanks Norwood Oakes Pemberton Quigley Redfern Sedgwick Thackeray Underhill Vickers Wainwright Yardley
""")
TOWNS: Final = (
    ("10115", "Berlin"), ("20095", "Hamburg"), ("80331", "München"), ("50667", "Köln"), ("60311", "Frankfurt am Main"),
    ("70173", "Stuttgart"), ("40213", "Düsseldorf"), ("04109", "Leipzig"), ("01067", "Dresden"), ("30159", "Hannover"),
    ("90402", "Nürnberg"), ("24103", "Kiel"), ("28195", "Bremen"), ("44135", "Dortmund"), ("45127", "Essen"),
    ("53111", "Bonn"), ("79098", "Freiburg"), ("55116", "Mainz"), ("99084", "Erfurt"), ("18055", "Rostock"),
    ("34117", "Kassel"), ("76133", "Karlsruhe"), ("68159", "Mannheim"), ("86150", "Augsburg"), ("23552", "Lübeck"),
)  # fmt: skip
BRITISH_TOWNS: Final = (
    ("M1 1AE", "Manchester"),
    ("EH1 1YZ", "Edinburgh"),
    ("BS1 4DJ", "Bristol"),
    ("LS1 4AP", "Leeds"),
)
STREETS: Final = _words("""
    Hauptstraße Bahnhofstraße Gartenstraße Schulstraße Lindenweg Birkenweg Rosenstraße Mühlenweg Kirchgasse
    Bergstraße Wiesengrund Am~Markt Goethestraße Schillerstraße Ringstraße Feldweg Waldstraße Marktplatz
    Blumenstraße Uferstraße Zum~Alten~Hof Kastanienallee Försterweg Brückenstraße
""")
BRITISH_STREETS: Final = _words("""
    Station~Road Church~Lane Victoria~Street Mill~Lane Park~Avenue The~Crescent
""")
COMPANIES: Final = _words("""
    Nordlicht~Optik~GmbH Bäckerei~Sonnenschein~KG Weißdorn~Verlag~GmbH Küstenwerk~AG Blaupause~Architekten
    Talblick~Hotel~GmbH Holzwurm~Möbel~e.K. Rheingold~Logistik~GmbH Lötzinn~Elektronik~GmbH Apfelbaum~Gärtnerei
    Kupferkessel~Brauerei~GmbH Zeitgeist~Medien~UG Harbour~View~Ltd. Thistle~and~Sons~Ltd.
""")
TITLES: Final = ("Dr.", "Prof. Dr.", "Dipl.-Ing.")
MAIL_HOSTS: Final = ("example.de", "example.com", "example.org", "example.net", "mail.example", "post.example")
FREE_MAIL_HOSTS: Final = ("gmx.de", "web.de", "gmail.com", "t-online.de", "outlook.com", "freenet.de")
MISTYPED_HOSTS: Final = {
    "gmail.com": "gmial.com",
    "gmx.de": "gmx.dee",
    "web.de": "web.ed",
    "outlook.com": "outlok.com",
    "t-online.de": "t-onlin.de",
    "freenet.de": "freent.de",
    "example.de": "exmaple.de",
}
