"""The tables. `tenant` is in every row; JSON columns hold values we never search inside with SQL.

Times are UTC, stored as ISO 8601 text with microseconds by `db` (one form on both databases, sortable).
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"})


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table or index found in a database is one of those below; what belongs to the search index itself is not."""
    return not (kind in ("table", "index") and name is not None and name.startswith("search_index"))


def _id() -> Column[str]:
    return Column("id", String(26), primary_key=True)


def _tenant() -> Column[str]:
    return Column("tenant", String(41), nullable=False)


deliveries = Table(
    "deliveries", metadata, _id(), _tenant(),
    Column("key", Text, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("source", String(80), nullable=False),
    Column("received_at", String(32), nullable=False),
    Column("original", String(64), nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("envelope", JSON, nullable=False),
    Column("message_id", String(404), nullable=False, default=""),  # the envelope's, so that answers find it
    Column("twin_of", String(26)),
    Column("access_class", String(80), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("batch", String(120), nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_at", String(32), nullable=False),
    # set once the source was told (the file moved, the mail moved, 201 sent): the same identity again is then a new drop
    Column("acknowledged_at", String(32)),
    # the machine's own bookkeeping of a waiting row
    Column("deaths", Integer, nullable=False, default=0),
    Column("attempt", Integer, nullable=False, default=0),
    Column("not_before", String(32), nullable=False, default=""),
    UniqueConstraint("tenant", "channel", "key"),
    Index("ix_deliveries_source", "tenant", "source", "received_at"),
    Index("ix_deliveries_unacknowledged", "tenant", "source",
          sqlite_where=text("acknowledged_at IS NULL"), postgresql_where=text("acknowledged_at IS NULL")),
    Index("ix_deliveries_waiting", "state", "lane", "tenant", "not_before", "received_at", "id"),
    Index("ix_deliveries_newest", "tenant", "id"),
    Index("ix_deliveries_original", "tenant", "original"),
    Index("ix_deliveries_message", "tenant", "message_id",
          sqlite_where=text("message_id <> ''"), postgresql_where=text("message_id <> ''")),
    Index("ix_deliveries_batch", "tenant", "batch", "position", "id"),  # the order in which a batch is listed
    Index("ix_deliveries_received", "tenant", "received_at", "id"),
)

parts = Table(
    "parts", metadata, _tenant(),
    Column("delivery", ForeignKey("deliveries.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("parent", Integer),
    Column("sha256", String(64), nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("problem", String(40)),
    Column("detail", Text, nullable=False, default=""),
    Column("facts", JSON, nullable=False),  # what the file states as data (e-invoice): [[name, value, term]]
)

page_reads = Table(
    "page_reads", metadata,
    Column("tenant", String(41), primary_key=True),
    # one row a page; `chunk` is the immutable blob with words and previews of up to eight pages
    Column("original", String(64), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("reader", String(80), primary_key=True),
    Column("chunk", String(64), nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("read_at", String(32), nullable=False),
)

documents = Table(
    "documents", metadata, _id(), _tenant(),
    Column("delivery", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("parent", String(26)),
    Column("position", Integer, nullable=False),  # order inside the delivery
    Column("access_class", String(80), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("received_at", String(32), nullable=False),
    Column("cut_by", String(80), nullable=False),  # "rule:separator@1", "clerk:kms"
    Column("cut", JSON, nullable=False),  # a Cut without `by`: how sure, why, what to look at, what the sheet before it says
    Column("why", Text, nullable=False, default=""),  # the policy's sentence: why it waits, or why it was filed without a person
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("indexed", Integer, nullable=False, default=0),  # the revision that the search index knows; another one is outdated
    Column("changed_at", String(32), nullable=False),
    Column("deaths", Integer, nullable=False, default=0),
    Column("attempt", Integer, nullable=False, default=0),
    Column("not_before", String(32), nullable=False, default=""),
    Index("ix_documents_outdated", "id",
          sqlite_where=text("indexed <> revision"), postgresql_where=text("indexed <> revision")),
    Index("ix_documents_waiting", "state", "lane", "tenant", "not_before", "received_at", "id"),
    Index("ix_documents_desk", "tenant", "state", "received_at", "delivery", "position", "id"),  # the order at the desk
)

search_documents = Table(
    # what the search index knows of a document besides its terms; derived, `poststelle efile index --rebuild` makes it anew
    "search_documents", metadata,
    Column("no", Integer, primary_key=True, autoincrement=True),
    _tenant(),
    Column("document", ForeignKey("documents.id"), nullable=False, unique=True),
    Column("branch", String(40), nullable=False),  # the top entry it lies under; "" while it waits
    Column("kind", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("dated", String(10), nullable=False),
    Column("parcels", Text, nullable=False),  # one a line
    Column("title", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    Column("indexed_at", String(32), nullable=False),
    Index("ix_search_documents_dated", "tenant", "dated"),
)

search_texts = Table(
    # the terms of a document (intake/terms.py), a blank between two, and how often each stands there ("1" to "9")
    "search_texts", metadata,
    Column("no", ForeignKey("search_documents.no"), primary_key=True, autoincrement=False),
    _tenant(),
    Column("terms", Text, nullable=False),
    Column("counts", Text, nullable=False),
)

SEARCH_INDEX = {
    "sqlite": "CREATE VIRTUAL TABLE search_index USING fts5(terms, content='search_texts', content_rowid='no', detail=none, "
              "columnsize=0, tokenize=\"ascii tokenchars '_'\")",
    "postgresql": "CREATE INDEX search_index ON search_texts USING gin (array_to_tsvector(string_to_array(terms, ' ')))"}
"""Terms are kept as given: the tokenizer splits at blanks and knows no language."""
for _dialect, _statement in SEARCH_INDEX.items():
    event.listen(search_texts, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

search_pages = Table(
    # the text of each page as people read it, deflated: for phrases and for the piece of text shown with a hit
    "search_pages", metadata, _tenant(),
    Column("no", ForeignKey("search_documents.no"), primary_key=True, autoincrement=False),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("text", LargeBinary, nullable=False),
)

_exact = Text().with_variant(Text(collation="C"), "postgresql")  # compared byte by byte, so that a beginning is a range
search_words = Table(
    # the vocabulary: every word of the index with its stem, itself backwards, and in how many documents it stands
    "search_words", metadata,
    Column("tenant", String(41), primary_key=True),
    Column("word", _exact, primary_key=True),
    Column("stem", _exact, nullable=False),
    Column("backwards", _exact, nullable=False),
    Column("documents", Integer, nullable=False),
    Index("ix_search_words_stem", "tenant", "stem"),
    Index("ix_search_words_backwards", "tenant", "backwards"),
)

pages = Table(
    # the page ledger: every page of every part exactly once; `document` is set exactly when state is "live"
    "pages", metadata, _tenant(),
    Column("delivery", ForeignKey("deliveries.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("document", ForeignKey("documents.id"), index=True),
    Column("position", Integer, nullable=False),
    Column("rotation", Integer, nullable=False, default=0),
    Index("ix_pages_ledger", "delivery", "state"),  # for the balance of a batch, which counts them all
)

splices = Table(
    # one cut or join: which documents became which. `before`/`after` hold what undo needs (ids, states, page lists).
    "splices", metadata, _id(), _tenant(),
    Column("delivery", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # "cut", "join"
    Column("by", String(120), nullable=False),
    Column("at", String(32), nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("undone_at", String(32)),
)

proposals = Table(
    "proposals", metadata, _tenant(),
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document", ForeignKey("documents.id"), nullable=False, index=True),
    Column("field", String(60), nullable=False),
    Column("value", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("raw", Text, nullable=False),
    Column("checks", JSON, nullable=False),
    # the first register of each document, for counting: a thirtieth of all rows
    Index("ix_proposals_register", "document", "rank",
          sqlite_where=text("field = 'register'"), postgresql_where=text("field = 'register'")),
)

decisions = Table(
    "decisions", metadata, _id(), _tenant(),
    Column("document", ForeignKey("documents.id"), nullable=False, index=True),
    Column("values", JSON, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", String(32), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("live", Boolean, nullable=False),  # false after undo
    Index("ix_decisions_live", "tenant", "live", "at"),
)

forecasts = Table(
    # where a document would have been filed without a person, as proposed; compared later with what a clerk decided
    "forecasts", metadata, _tenant(),
    Column("document", ForeignKey("documents.id"), primary_key=True),
    Column("stratum", String(40), nullable=False),  # "budget", "own_reference"
    Column("model", String(120), nullable=False),  # who proposed: "model:filing@3"
    Column("entry", String(40), nullable=False),
    Column("file", String(26), nullable=False),  # "" = a new Akte
    Column("branch", String(40), nullable=False),  # the entry's top entry
    Column("kind", String(60), nullable=False),
    Column("probability", Float, nullable=False),
    Column("threshold", Float),  # what was asked for then, and the bound of the error rate
    Column("bound", Float),
    Column("audit", Boolean, nullable=False),  # shown to the clerk without the place
    Column("would", Boolean, nullable=False),  # filed without a person, but for the audit
    Column("automatic", Boolean, nullable=False),
    Column("at", String(32), nullable=False),
    Column("judged_at", String(32)),
    Column("wrong", Boolean),
    Index("ix_forecasts_judged", "tenant", "stratum", "audit", "judged_at"),
    Index("ix_forecasts_at", "tenant", "stratum", "at"),
)

stops = Table(
    # filing without a person was stopped; what was earned before does not count any more
    "stops", metadata, _id(), _tenant(),
    Column("stratum", String(40), nullable=False),
    Column("at", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_stops_newest", "tenant", "stratum", "at"),
)

budget_choices = Table(
    # what the administration chose for filing without a person: the newest row; none = as [tenant.rules] says
    "budget_choices", metadata, _id(), _tenant(),
    Column("automatic", Boolean, nullable=False),
    Column("budget", Float, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", String(32), nullable=False),
    Index("ix_budget_choices_newest", "tenant", "at"),
)

model_uses = Table(
    # which version of a model the tenant uses: the newest row; version "" = none
    "model_uses", metadata, _id(), _tenant(),
    Column("name", String(40), nullable=False),
    Column("version", String(20), nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_model_uses_newest", "tenant", "name", "at"),
)

filings = Table(
    "filings", metadata,
    Column("key", String(64), primary_key=True), _tenant(),
    Column("document", ForeignKey("documents.id"), nullable=False, index=True),
    Column("entry", String(40), nullable=False),
    Column("notation", String(80), nullable=False),  # as it was when filed: the place in the mirror
    Column("reference", String(160), nullable=False),  # the same of the Akte
    Column("file", ForeignKey("files.id"), nullable=False, index=True),
    Column("case", String(26)),
    Column("title", Text, nullable=False),
    Column("values", JSON, nullable=False),
    Column("deadline", String(10)),  # the Frist of the values, for „Mein Eingang“
    Column("pdf", JSON, nullable=False),  # a Blob
    Column("pdfa", String(8), nullable=False),
    Column("pdfa_reason", Text, nullable=False),  # why it is no better PDF/A; "" when it is
    Column("originals", JSON, nullable=False),  # Blobs
    Column("pages", Integer, nullable=False),
    Column("received_at", String(32), nullable=False),
    Column("at", String(32), nullable=False),
    Column("undone_at", String(32)),
    Column("settled_at", String(32)),  # every store has heard of it (after undo: of that); cleared by undo
    # a document has at most one filing that is not undone
    Index("uq_filings_live", "document", unique=True,
          sqlite_where=text("undone_at IS NULL"), postgresql_where=text("undone_at IS NULL")),
    Index("ix_filings_recent", "tenant", "at"),
    Index("ix_filings_deadline", "tenant", "deadline",
          sqlite_where=text("deadline IS NOT NULL"), postgresql_where=text("deadline IS NOT NULL")),
    Index("ix_filings_unsettled", "at",
          sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
)

receipts = Table(
    "receipts", metadata, _tenant(),
    Column("filing", ForeignKey("filings.key"), primary_key=True),
    Column("store", String(40), primary_key=True),
    Column("reference", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("withdrawn_at", String(32)),  # after undo: the store took it out again
)

handovers = Table(
    # the outbox of other systems: one row a filing and target; `place` is what it was told last ("" = nothing, or taken back)
    "handovers", metadata, _tenant(),
    Column("filing", ForeignKey("filings.key"), primary_key=True),
    Column("target", String(40), primary_key=True),
    Column("state", String(10), nullable=False),  # "waiting", "again" (after a refusal), "done", "refused"
    Column("place", Text, nullable=False),
    Column("told", Boolean, nullable=False),  # it was begun: from then on it may have arrived
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row, for the back-off
    Column("not_before", String(32), nullable=False),
    Column("why", Text, nullable=False),  # the last sentence: what it waits for, why it was refused
    Index("ix_handovers_due", "not_before", sqlite_where=text("state IN ('waiting', 'again')"),
          postgresql_where=text("state IN ('waiting', 'again')")),
)

histories = Table(
    # the Protokoll of what was imported, as the system it came from had it
    "histories", metadata, _tenant(),
    Column("subject", String(40), primary_key=True),  # id of a document, an Akte or a Vorgang
    Column("position", Integer, primary_key=True),
    Column("at", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("remark", Text, nullable=False),
)

aktenplan_entries = Table(
    "aktenplan_entries", metadata, _tenant(),
    Column("id", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("notation", String(80), nullable=False),
    Column("sort_key", String(160), nullable=False),
    Column("parent", String(40)),
    Column("title", Text, nullable=False),
    Column("keywords", JSON, nullable=False),
    Column("description", Text, nullable=False),
    Column("unit", String(120), nullable=False),
    Column("retention", Integer),
    Column("disposal", String(1), nullable=False),
    Column("access_class", String(80), nullable=False),
    # what holds for it by `intake.access`: its own class or that of an entry above; "" (of none that anybody has) is closed
    Column("effective_class", String(80), nullable=False, default=""),
    Column("valid_from", String(10)),
    Column("valid_to", String(10)),
    Column("current", Boolean, nullable=False),
    Column("extension", Boolean, nullable=False, default=False),  # the tenant's own addition to a shared plan
    UniqueConstraint("tenant", "id", "version"),
    Index("ix_aktenplan_entries_current", "tenant", "current", "sort_key"),
)

files = Table(
    "files", metadata, _id(), _tenant(),
    Column("reference", String(160), nullable=False),
    Column("reference_key", String(160), nullable=False),  # normalised for comparison
    Column("title", Text, nullable=False),
    Column("entry", String(40), nullable=False),
    Column("origin", String(10), nullable=False),
    Column("opened_on", String(10)),
    Column("closed_on", String(10)),
    Column("parcel", Text, nullable=False, default=""),
    Column("address", Text, nullable=False, default=""),
    Column("persons", JSON, nullable=False),
    Column("former", JSON, nullable=False, default=list),  # earlier Aktenzeichen
    Column("office", String(120), nullable=False, default=""),
    Column("handler", String(120), nullable=False, default=""),
    UniqueConstraint("tenant", "reference_key"),
)

cases = Table(
    "cases", metadata, _id(), _tenant(),
    Column("file", ForeignKey("files.id"), nullable=False, index=True),
    Column("reference", String(160), nullable=False),
    Column("title", Text, nullable=False),
    Column("origin", String(10), nullable=False),
    Column("closed_on", String(10)),
    UniqueConstraint("tenant", "file", "reference"),
)

register_entries = Table(
    "register_entries", metadata, _tenant(),
    Column("register", String(40), nullable=False),
    Column("key", String(200), nullable=False),
    Column("values", JSON, nullable=False),
    Column("imported_at", String(32), nullable=False),
    UniqueConstraint("tenant", "register", "key"),
)

tokens = Table(
    # who may hand in documents from outside (a scanner, a portal), or what a person's scripts may do in his name (`user`);
    # only the hash of the secret is kept
    "tokens", metadata, _id(), _tenant(),
    Column("name", String(80), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("inbox", String(41), nullable=False),  # the scan profile or mailbox it hands in to; "" for a person's
    Column("user", String(26)),
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("used_at", String(32)),  # the day it was last used
    Column("revoked_at", String(32)),
)

users = Table(
    # people who sign in; what they may do in a town stands in `grants`
    "users", metadata, _id(),
    Column("login", String(120), nullable=False, unique=True),  # in lower case
    Column("name", String(120), nullable=False),
    Column("password", Text, nullable=False, default=""),  # argon2id; "" = none, a link or the identity provider lets them in
    Column("totp", String(64), nullable=False, default=""),  # the secret of the second factor; "" = none
    Column("totp_step", BigInteger, nullable=False, default=0),  # the last one used: a code is good once
    Column("subject", String(400), nullable=False, default=""),  # "issuer sub" of the identity provider
    Column("failures", Integer, nullable=False, default=0),
    Column("blocked_until", String(32), nullable=False, default=""),
    Column("letter_keys", Boolean, nullable=False, default=True),
    Column("created_at", String(32), nullable=False),
    Column("locked_at", String(32)),
    Index("ix_users_subject", "subject"),
)

grants = Table(
    # what a person is in a town: roles, access classes (null = all), branches of the plan, offices
    "grants", metadata,
    Column("tenant", String(41), primary_key=True),
    Column("user", ForeignKey("users.id"), primary_key=True),
    Column("roles", JSON, nullable=False),
    Column("classes", JSON),
    Column("branches", JSON, nullable=False),
    Column("offices", JSON, nullable=False),
)

sessions = Table(
    # one sign-in of one browser; only the hash of its secret is kept
    "sessions", metadata,
    Column("hash", String(64), primary_key=True), _tenant(),
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    Column("started_at", String(32), nullable=False),
    Column("used_at", String(32), nullable=False),
    Column("ended_at", String(32)),
)

links = Table(
    # secrets that are good once and for a short time: the first password, the way back from the identity provider
    "links", metadata,
    Column("hash", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # "setup", "oidc"
    Column("user", ForeignKey("users.id"), index=True),
    Column("data", JSON, nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("used_at", String(32)),
)

acknowledgements = Table(
    # the outbox: one row a message that is to be acknowledged; at most one for a recipient and day
    "acknowledgements", metadata, _id(), _tenant(),
    Column("delivery", ForeignKey("deliveries.id"), nullable=False, unique=True),
    Column("recipient", Text, nullable=False),
    Column("day", String(10), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", String(32), nullable=False),
    Column("sent_at", String(32)),
    Column("given_up_at", String(32)),
    UniqueConstraint("tenant", "recipient", "day"),
)

office_mails = Table(
    # the outbox of mails to offices: at most one a day with counts ("digest"), one a document that is urgent ("urgent")
    "office_mails", metadata, _id(), _tenant(),
    Column("office", String(120), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("about", String(26), nullable=False),  # the day (local, ISO), or the document
    Column("counts", JSON, nullable=False),  # what the mail says: numbers, no names
    Column("created_at", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", String(32), nullable=False),
    Column("sent_at", String(32)),
    Column("given_up_at", String(32)),  # also at once, when a day had nothing to say
    UniqueConstraint("tenant", "office", "kind", "about"),
    Index("ix_office_mails_due", "not_before",
          sqlite_where=text("sent_at IS NULL AND given_up_at IS NULL"),
          postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL")),
)

register_imports = Table(
    # when each register (also "files" and "cases") was last imported, whether it changed or not
    "register_imports", metadata,
    Column("tenant", String(41), primary_key=True),
    Column("register", String(40), primary_key=True),
    Column("name", Text, nullable=False),  # of the file
    Column("at", String(32), nullable=False),
)

openings = Table(
    # who has a document open at the desk: a hint for a quarter of an hour, no lock
    "openings", metadata, _tenant(),
    Column("document", ForeignKey("documents.id"), primary_key=True),
    Column("by", String(120), primary_key=True),
    Column("at", String(32), nullable=False, index=True),
)

notices = Table(
    # Mein Eingang: what became of a filed document at its office, one row a thing done (read, passed on, taken note of)
    "notices", metadata, _id(), _tenant(),
    Column("document", ForeignKey("documents.id"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # "read", "forward", "info"
    Column("by", String(120), nullable=False),
    Column("to", String(120), nullable=False, default=""),  # login or office it was passed on to
    Column("note", Text, nullable=False, default=""),
    Column("at", String(32), nullable=False),
    Index("ix_notices_by", "tenant", "by", "document"),
    Index("ix_notices_to", "tenant", "to", "at"),
)

batches = Table(
    # a delivery of old files that is digitised as one: a folder or disk, checked against its index and a list of Akten
    "batches", metadata, _id(), _tenant(),
    Column("name", String(80), nullable=False),
    Column("profile", String(41), nullable=False),
    Column("folder", Text, nullable=False),
    Column("state", String(16), nullable=False),  # open, paused, closed
    Column("protection", String(16), nullable=False),  # normal, hoch, sehr hoch
    Column("operator", Text, nullable=False),
    Column("index_name", Text, nullable=False),  # "" = none
    Column("master_name", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("closed_at", String(32)),
    Column("closed_by", String(120)),
    UniqueConstraint("tenant", "name"),
)

batch_items = Table(
    # one unit of a batch: a file, or the images of the pages of one document or Akte; what its index says of it
    "batch_items", metadata, _tenant(),
    Column("batch", ForeignKey("batches.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),  # below the folder; of images what they have in common
    Column("members", JSON, nullable=False),  # [[path, size, mtime_ns]] of the files
    Column("reference", String(160), nullable=False),  # the Akte as index or path say, "" = not said
    Column("reference_key", String(160), nullable=False),
    Column("pages", Integer),  # as the index says
    Column("fields", JSON, nullable=False),  # [[name, value, where]]
    Column("state", String(16), nullable=False),  # waiting, taken, gone
    Column("delivery", ForeignKey("deliveries.id"), index=True),
    UniqueConstraint("batch", "path"),
    Index("ix_batch_items_state", "batch", "state", "position"),
    # how often the signs of its pages changed, and as of which change its Akte was compared; another number is outdated
    Column("signed", Integer, nullable=False, default=0),
    Column("compared", Integer, nullable=False, default=0),
    Index("ix_batch_items_reference", "batch", "reference_key"),
    Index("ix_batch_items_outdated", "batch", "position",
          sqlite_where=text("compared <> signed"), postgresql_where=text("compared <> signed")),
)

batch_matters = Table(
    # a Vorgang of a batch as it was when its Akte was compared: for finding those that are nearly the same; derived
    "batch_matters", metadata, _tenant(),
    Column("batch", ForeignKey("batches.id"), primary_key=True),
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("akte", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("said", JSON, nullable=False),  # {field: [values]}
    Column("sheets", JSON, nullable=False),  # fingerprints of its pages
)

batch_expected = Table(
    # the list of Akten a batch must hold (Aktenverzeichnis)
    "batch_expected", metadata, _tenant(),
    Column("batch", ForeignKey("batches.id"), primary_key=True),
    Column("reference_key", String(160), primary_key=True),
    Column("reference", String(160), nullable=False),
    Column("title", Text, nullable=False),
    Column("pages", Integer),
)

batch_differences = Table(
    # what does not agree: found by reconciling, settled by a named decision of a person
    "batch_differences", metadata, _id(), _tenant(),
    Column("batch", ForeignKey("batches.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("subject", String(200), nullable=False),  # an Aktenzeichen, a path, a page: what it is about
    Column("sentence", Text, nullable=False),
    Column("item", Integer),  # the position of the item whose pages it is about; null = it is about a whole file, Akte or batch
    Column("found_at", String(32), nullable=False),
    Column("gone_at", String(32)),  # a later look did not find it any more
    Column("decision", String(20)),
    Column("note", Text, nullable=False, default=""),
    Column("decided_at", String(32)),
    Column("decided_by", String(120)),
    UniqueConstraint("batch", "kind", "subject"),
    Index("ix_batch_differences_item", "batch", "item"),
)

qa_draws = Table(
    # quality assurance of scanned documents (TR-RESISCAN A.SC.8): one sampling plan over the filed documents of a batch
    "qa_draws", metadata, _id(), _tenant(),
    Column("batch", ForeignKey("batches.id"), nullable=False, index=True),
    Column("protection", String(16), nullable=False),
    Column("lot", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("accept", Integer, nullable=False),
    Column("letter", String(1), nullable=False),
    Column("seed", String(64), nullable=False),
    Column("drawn_at", String(32), nullable=False),
    Column("drawn_by", String(120), nullable=False),
    Column("verdict", String(16)),  # accepted, rejected
    Column("decided_at", String(32)),
    Column("decided_by", String(120)),
)

qa_checks = Table(
    # one document of a draw: what a person saw who laid the picture beside the paper
    "qa_checks", metadata, _tenant(),
    Column("draw", ForeignKey("qa_draws.id"), primary_key=True),
    Column("document", ForeignKey("documents.id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("sampled", Boolean, nullable=False),  # False: not by chance, but because a machine found something
    Column("finding", Text, nullable=False),
    Column("verdict", String(16)),  # ok, defect, rescan
    Column("defect", String(40), nullable=False, default=""),
    Column("page", Integer, nullable=False, default=0),
    Column("note", Text, nullable=False, default=""),
    Column("checked_at", String(32)),
    Column("checked_by", String(120)),
    Column("rescanned_at", String(32)),  # the rescan asked for is there; cleared when it is no better
    Column("settled_at", String(32)),  # a person laid the rescan beside the paper, and it is right
    Column("settled_by", String(120)),
)

rescans = Table(
    # Nachscans: one row a page that was replaced, inserted, or set aside as a double; the old page stays in the ledger
    "rescans", metadata, _id(), _tenant(),
    Column("batch", ForeignKey("batches.id"), nullable=False, index=True),
    Column("source", ForeignKey("deliveries.id")),  # by which the new page came; null for a double
    Column("delivery", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("document", ForeignKey("documents.id"), nullable=False),
    Column("kind", String(10), nullable=False),  # replaced, inserted, double
    Column("part", Integer, nullable=False),  # the page it is about; of an inserted one its neighbour
    Column("number", Integer, nullable=False),
    Column("new_part", Integer),
    Column("new_number", Integer),
    Column("path", Text, nullable=False),  # of the delivered file
    Column("page", Integer, nullable=False),  # in the document, as it was then
    Column("by", String(120), nullable=False),
    Column("at", String(32), nullable=False),
)

batch_redos = Table(
    # re-processing of a batch: what was compared, how many would change or stay; carried out or only looked at
    "batch_redos", metadata, _id(), _tenant(),
    Column("batch", ForeignKey("batches.id"), nullable=False, index=True),
    Column("what", String(10), nullable=False),  # read, split, classify
    Column("looked", Integer, nullable=False),
    Column("differ", Integer, nullable=False),  # and may change
    Column("kept", Integer, nullable=False),  # differ and stay: filed, or a person decided
    Column("changed", Integer),  # null = only looked at
    Column("by", String(120), nullable=False),
    Column("at", String(32), nullable=False),
)

page_signs = Table(
    # what a page of the back-file looks like: for finding doubles, unreadable pages and faults of scanning without its bytes
    "page_signs", metadata, _tenant(),
    Column("delivery", ForeignKey("deliveries.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("picture", String(64), nullable=False),  # 256 bits of brightness steps, hexadecimal; "" = not seen
    Column("letters", Integer, nullable=False),
    Column("text", String(32), nullable=False),  # of the words, alike for the same words; "" = too few
    Column("quality", Float, nullable=False),
    Column("skew", Float, nullable=False),
    Column("script", String(16), nullable=False),
    Column("width_mm", Float, nullable=False),
    Column("height_mm", Float, nullable=False),
    Column("blank", Boolean, nullable=False),
    Column("warnings", JSON, nullable=False),
)

counters = Table(
    "counters", metadata, _tenant(),
    Column("name", String(160), nullable=False),  # "batch/post/2026-11-21", "reference/ap-0312/2026"
    Column("value", Integer, nullable=False),
    UniqueConstraint("tenant", "name"),
)

problems = Table(
    "problems", metadata, _id(), _tenant(),
    Column("subject_kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("step", String(40), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("title", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("resolutions", JSON, nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("closed_at", String(32)),
    Column("resolution", String(40)),
    Column("access_class", String(80), nullable=False, default="Poststelle"),  # of the door, for subject_kind "source"
    Index("ix_problems_open", "tenant", "closed_at", "opened_at"),
    Index("ix_problems_subject", "tenant", "subject_kind", "subject"),
)

journal = Table(
    "journal", metadata, _tenant(),
    Column("seq", Integer, nullable=False),
    Column("entry", Text, nullable=False),  # the RFC 8785 bytes that were hashed
    Column("hash", String(64), nullable=False),
    UniqueConstraint("tenant", "seq"),
)

journal_values = Table(
    # what old and new were, beside the chain: it holds only their salted hashes, so these rows may be deleted
    "journal_values", metadata, _tenant(),
    Column("seq", Integer, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("old", Text),  # RFC 8785, as it was hashed behind the salt
    Column("new", Text),
    UniqueConstraint("tenant", "seq"),
)

published_heads = Table(
    # the newest head that went to each place outside ("file", "mail")
    "published_heads", metadata,
    Column("tenant", String(41), primary_key=True),
    Column("place", String(16), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)

journal_heads = Table(
    "journal_heads", metadata,
    Column("tenant", String(41), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

journal_subjects = Table(
    # to show the Protokoll of one delivery without walking the chain; derived, rebuilt from the journal
    "journal_subjects", metadata, _tenant(),
    Column("subject", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    UniqueConstraint("tenant", "subject", "seq"),
)
