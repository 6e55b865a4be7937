"""Every setting of bijou; `bijou config` prints this as its manual."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field


class House(Struct, frozen=True):
    """What all services share."""

    data_dir: Annotated[str, Meta(description="Folder that holds everything: records, media, keys.")] = (
        "bijou-data"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Least severe line that is logged: debug, info, warning, error."),
    ] = "info"
    service_key: Annotated[
        str,
        Meta(
            description="What services show each other; empty: drawn at first start, kept in data_dir/keys."
        ),
    ] = ""
    records: Annotated[
        str,
        Meta(
            description="PostgreSQL database of all records, postgresql://user:password@host/database;"
            " empty: SQLite files in data_dir."
        ),
    ] = ""
    blobs: Annotated[
        str, Meta(description="Where media is kept: s3://bucket/prefix; empty: the folder data_dir/blobs.")
    ] = ""


class S3(Struct, frozen=True):
    """The store of [house] blobs, where that is a bucket."""

    endpoint: Annotated[
        str, Meta(description="Address of a store that speaks S3; empty: Amazon's for the region.")
    ] = ""
    region: Annotated[str, Meta(description="Region of the bucket; empty: AWS_REGION, else us-east-1.")] = ""
    key_file: Annotated[
        str,
        Meta(
            description="TOML file of mode 0600 with the key; empty: AWS_ACCESS_KEY_ID, else the machine's."
        ),
    ] = ""


class Control(Struct, frozen=True):
    """The control plane: site, API, catalogue, accounts, the queue."""

    host: Annotated[
        str, Meta(description="Address that the control plane listens on; loopback unless you say otherwise.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the site and the API.")] = 8800
    public_url: Annotated[
        str, Meta(description="Address under which people reach the site; empty: from host and port.")
    ] = ""
    connections: Annotated[
        int,
        Meta(ge=1, description="Connections served at once, each open page holds one; more are told 503."),
    ] = 10_000
    trusted_proxies: Annotated[
        list[str],
        Meta(
            description="Addresses and networks of proxies that are believed about whom they call for"
            " (X-Forwarded-For, X-Forwarded-Proto); commas between them outside TOML."
        ),
    ] = field(default_factory=list)
    anonymous_viewers: Annotated[bool, Meta(description="Whether people may watch without signing in.")] = (
        True
    )


class Accounts(Struct, frozen=True):
    """Sign-in."""

    session_s: Annotated[float, Meta(gt=0, description="Seconds that a sign-in lasts.")] = 14 * 86400.0
    attempts: Annotated[
        int, Meta(ge=1, description="Sign-ins tried per name and per address in each attempts_window_s.")
    ] = 10
    attempts_window_s: Annotated[
        float, Meta(gt=0, description="Seconds over which attempts are counted.")
    ] = 300.0
    operator_name: Annotated[str, Meta(description="Name of an operator; made where nobody has it.")] = (
        "operator"
    )
    operator_password: Annotated[
        str,
        Meta(
            description="That operator's password, set anew at each start; empty: drawn at first start,"
            " kept in data_dir/keys."
        ),
    ] = ""


class Ingest(Struct, frozen=True):
    """Uploads."""

    max_bytes: Annotated[int, Meta(ge=1, description="Longest file that is taken, in bytes.")] = 64 * 1024**3
    unfinished_bytes: Annotated[
        int, Meta(ge=1, description="Most bytes that unfinished uploads may have announced, in all.")
    ] = 512 * 1024**3
    unfinished_bytes_per_person: Annotated[
        int, Meta(ge=1, description="Most bytes that one person's unfinished uploads may have announced.")
    ] = 128 * 1024**3
    keep_free_bytes: Annotated[
        int, Meta(ge=0, description="Bytes of the volume that uploads leave free.")
    ] = 1024**3
    abandon_after_s: Annotated[
        float, Meta(gt=0, description="Seconds without a byte after which an unfinished upload is forgotten.")
    ] = 86400.0


class Encoding(Struct, frozen=True):
    """What is made of uploads."""

    recipes: Annotated[
        list[str],
        Meta(
            description="Recipes of a new title, the one that players should prefer first; commas between"
            " them outside TOML."
        ),
    ] = field(default_factory=lambda: ["h264_aac"])
    analyse: Annotated[
        bool, Meta(description="Whether each shot's quality is chosen from trial encodes of it.")
    ] = True
    keep_sources: Annotated[
        bool, Meta(description="Whether uploaded files are kept, so that codecs can be added later.")
    ] = True


class Encoder(Struct, frozen=True):
    """A worker that encodes; it needs the records and the blobs, and nobody else."""

    host: Annotated[str, Meta(description="Address of the encoder's health page.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the encoder's health page.")] = 8802
    slots: Annotated[
        int,
        Meta(ge=0, description="Encodes at the same time, each on one core; 0: as many as there are cores."),
    ] = 0
    lease_s: Annotated[
        float, Meta(gt=0, description="Seconds of silence after which a task goes to another worker.")
    ] = 15.0
    child_wall_s: Annotated[float, Meta(gt=0, description="Seconds that one ffmpeg may run.")] = 6 * 3600.0
    child_memory_bytes: Annotated[
        int, Meta(ge=512 * 1024**2, description="Bytes of address space that one ffmpeg may take.")
    ] = 8 * 1024**3
    probe_wall_s: Annotated[
        float, Meta(gt=0, description="Seconds that the inspection of a file may take.")
    ] = 120.0
    probe_memory_bytes: Annotated[
        int, Meta(ge=512 * 1024**2, description="Bytes of address space that an inspection may take.")
    ] = 2 * 1024**3
    max_pixels: Annotated[
        int, Meta(ge=1, description="Largest picture, width x height, that is encoded.")
    ] = 8192 * 4320
    max_duration_s: Annotated[float, Meta(gt=0, description="Longest film, in seconds, that is encoded.")] = (
        12 * 3600.0
    )


class Origin(Struct, frozen=True):
    """Where edges fetch from."""

    host: Annotated[str, Meta(description="Address that the origin listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the origin.")] = 8801


class Edge(Struct, frozen=True):
    """One region's cache, the only thing that viewers fetch media from."""

    region: Annotated[str, Meta(description="Name of the region that this edge serves.")] = "east"
    host: Annotated[str, Meta(description="Address that the edge listens on; each region has its own.")] = (
        "127.0.0.2"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the edge.")] = 8810
    origin_url: Annotated[
        str,
        Meta(description="Where the edge fetches what it does not have; empty: this installation's origin."),
    ] = ""
    cache_bytes: Annotated[int, Meta(ge=0, description="Bytes of memory for cached objects.")] = 256 * 1024**2
    idle_s: Annotated[float, Meta(gt=0, description="Seconds after which a silent connection is closed.")] = (
        60.0
    )
    connections: Annotated[
        int, Meta(ge=1, description="Connections served at once; more are refused with 503.")
    ] = 10_000
    shields: Annotated[
        list[str],
        Meta(
            description="Addresses of edges asked before the origin, each for its share of the titles;"
            " commas between them outside TOML."
        ),
    ] = field(default_factory=list)
    disk_bytes: Annotated[
        int,
        Meta(ge=0, description="Bytes of disk for what leaves memory, in data_dir/edge-REGION; 0: none."),
    ] = 0
    filled_disk_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes of disk, beside disk_bytes, for what is fetched in quiet hours before anybody"
            " asks (bijou fill); 0: nothing is.",
        ),
    ] = 0
    fill_bps: Annotated[
        int,
        Meta(
            ge=0,
            description="Bits a second at which that is fetched at most, 100000 at least; 0: 15 % of the"
            " busiest five minutes' demand.",
        ),
    ] = 0
    fill_quiet: Annotated[
        float,
        Meta(gt=0, lt=1, description="Share of the busiest demand up to which an hour is quiet."),
    ] = 0.6
    fill_hours: Annotated[
        list[str],
        Meta(
            description="Hours of the day, in UTC, at which it is planned anew what to fetch; none: only when"
            " told to; commas between them outside TOML."
        ),
    ] = field(default_factory=lambda: ["1", "5", "9", "13"])
    eviction: Annotated[
        Literal["playheads", "s3fifo"],
        Meta(description="What leaves memory first: what nobody is about to watch, or S3-FIFO's choice."),
    ] = "playheads"
    drain_s: Annotated[
        float, Meta(ge=0, description="Seconds that answers have to finish when the edge is told to stop.")
    ] = 0.5
    trusted_proxies: Annotated[
        list[str],
        Meta(
            description="Addresses and networks of proxies that are believed about whom they call for"
            " (X-Forwarded-For), beside those on this machine; commas between them outside TOML."
        ),
    ] = field(default_factory=list)


class Delivery(Struct, frozen=True):
    """What the control plane knows of the edges."""

    edges: Annotated[
        list[str],
        Meta(description="Edges as region=address, the preferred first; commas between them outside TOML."),
    ] = field(default_factory=lambda: ["east=http://127.0.0.2:8810", "west=http://127.0.0.3:8810"])
    tokens: Annotated[
        bool,
        Meta(
            description="Whether edges ask for the token that a playback session brings;"
            " its keys are in data_dir/keys/tokens."
        ),
    ] = True
    token_s: Annotated[float, Meta(gt=0, description="Seconds that such a token holds.")] = 12 * 3600.0


class Steering(Struct, frozen=True):
    """Which region each viewer uses."""

    enabled: Annotated[
        bool, Meta(description="Whether edges tell players, again and again, which of them to use.")
    ] = True
    url: Annotated[
        str,
        Meta(
            description="Where steering answers, such as in front of edges of another make"
            " (bijou run steering); empty: at each edge."
        ),
    ] = ""
    host: Annotated[str, Meta(description="Address of steering that runs alone.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of steering that runs alone.")] = 8803
    capacity: Annotated[
        list[str],
        Meta(
            description="Sessions that each region can serve, as region=number; where none is said, one is"
            " as large as another and never full; commas between them outside TOML."
        ),
    ] = field(default_factory=list)
    cost: Annotated[
        list[str],
        Meta(
            description="What a byte costs in each region, as region=number, 1 where none is said; commas"
            " between them outside TOML."
        ),
    ] = field(default_factory=list)
    locality: Annotated[
        float,
        Meta(ge=1, description="How many times as much its own region weighs for a session; 1: not at all."),
    ] = 1000.0
    ttl_s: Annotated[
        int, Meta(ge=1, le=300, description="Seconds after which a player asks again, on a quiet day.")
    ] = 10
    incident_ttl_s: Annotated[
        int, Meta(ge=1, le=300, description="The same while a region is not as it should be.")
    ] = 2
    probe_s: Annotated[float, Meta(gt=0, description="Seconds between two probes of each edge.")] = 1.0
    voices: Annotated[
        int,
        Meta(
            ge=0,
            description="Sessions of one address whose reports count at a time; 2 is one less than it takes"
            " to have a region left; 0: all.",
        ),
    ] = 2
    hold_s: Annotated[
        float,
        Meta(gt=0, description="Seconds that a region is left alone, at least, twice that after a relapse."),
    ] = 10.0
    ramp_s: Annotated[
        float, Meta(gt=0, description="Seconds in which viewers come back to a region, few at first.")
    ] = 60.0


class Tls(Struct, frozen=True):
    """TLS for every address that is https://: nginx speaks it, in front (bijou deploy nginx)."""

    certificate: Annotated[
        str,
        Meta(description="PEM file of the certificate and its chain, where nginx runs; empty: no TLS."),
    ] = ""
    key: Annotated[str, Meta(description="PEM file of that certificate's key.")] = ""
    host: Annotated[
        str,
        Meta(
            description="Address that nginx listens on for names; an https:// address of numbers has its own."
        ),
    ] = "0.0.0.0"  # noqa: S104 - it is there to be reached
    http_port: Annotated[
        int, Meta(ge=0, le=65535, description="Port whose requests are sent to https://; 0: none.")
    ] = 80
    hsts_s: Annotated[
        int,
        Meta(
            ge=0,
            description="Seconds for which browsers insist on TLS once they have seen it; 0: not at all.",
        ),
    ] = 180 * 86400
    stapling: Annotated[
        bool, Meta(description="Whether nginx brings the certificate authority's word that it holds (OCSP).")
    ] = False
    ca: Annotated[
        str,
        Meta(
            description="PEM file of authorities that edges trust when they call an https:// address;"
            " empty: those of the system."
        ),
    ] = ""


class AudienceShard(Struct, frozen=True):
    """Some of the users, where they are divided over processes (bijou run audience-shard)."""

    name: Annotated[
        str, Meta(description="Name of the shard; its users are in data_dir/audience-shard-NAME.")
    ] = "one"
    host: Annotated[str, Meta(description="Address that the shard listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the shard.")] = 8804


class Settings(Struct, frozen=True):
    """The whole configuration, a section a Struct."""

    house: House = House()
    s3: S3 = S3()
    control: Control = Control()
    accounts: Accounts = Accounts()
    ingest: Ingest = Ingest()
    encoding: Encoding = msgspec.field(default_factory=Encoding)
    encoder: Encoder = Encoder()
    origin: Origin = Origin()
    edge: Edge = Edge()
    delivery: Delivery = msgspec.field(default_factory=Delivery)
    steering: Steering = msgspec.field(default_factory=Steering)
    audience_shard: AudienceShard = AudienceShard()
    tls: Tls = Tls()
