CREATE TABLE bot_answers (
	id INTEGER NOT NULL,
	command TEXT NOT NULL,
	words TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE bots (
	bot TEXT NOT NULL,
	next_update INTEGER NOT NULL,
	heard_at INTEGER NOT NULL,
	PRIMARY KEY (bot)
)
 STRICT;

CREATE TABLE config_entries (
	part TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	mark TEXT NOT NULL,
	PRIMARY KEY (part, name)
)
 STRICT;

CREATE TABLE dictionaries (
	id INTEGER NOT NULL,
	mime TEXT NOT NULL,
	made_at INTEGER NOT NULL,
	bytes BLOB NOT NULL,
	samples INTEGER,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE digest_schedules (
	target TEXT NOT NULL,
	covered_until INTEGER NOT NULL,
	last_delivery INTEGER NOT NULL,
	PRIMARY KEY (target)
)
 STRICT;

CREATE TABLE digests (
	id INTEGER NOT NULL,
	target TEXT NOT NULL,
	kind TEXT NOT NULL,
	window_from INTEGER NOT NULL,
	window_to INTEGER NOT NULL,
	made_at INTEGER NOT NULL,
	delivery_id INTEGER,
	after_delivery INTEGER,
	PRIMARY KEY (id)
)
 STRICT;

CREATE INDEX digests_of ON digests (target, kind, id);

CREATE TABLE done_requests (
	"key" TEXT NOT NULL,
	at INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	said TEXT NOT NULL,
	PRIMARY KEY ("key")
)
 STRICT;

CREATE TABLE event_bands (
	band INTEGER NOT NULL,
	media_id INTEGER NOT NULL,
	PRIMARY KEY (band, media_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX event_bands_of ON event_bands (media_id);

CREATE TABLE event_banners (
	sha256 TEXT NOT NULL,
	PRIMARY KEY (sha256)
)
 STRICT;

CREATE TABLE event_files (
	sha256 TEXT NOT NULL,
	post_id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	forward TEXT,
	tokens TEXT,
	PRIMARY KEY (sha256, post_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX event_files_of ON event_files (post_id);

CREATE TABLE event_links (
	post_id INTEGER NOT NULL,
	other INTEGER NOT NULL,
	reason TEXT NOT NULL,
	file TEXT NOT NULL,
	measure REAL,
	PRIMARY KEY (post_id, other, reason, file)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX event_links_by_file ON event_links (file) WHERE file <> '';

CREATE INDEX event_links_to ON event_links (other);

CREATE TABLE event_origins (
	origin TEXT NOT NULL,
	event_id INTEGER NOT NULL,
	post_id INTEGER,
	PRIMARY KEY (origin)
)
 STRICT;

CREATE TABLE event_pictures (
	media_id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	signature TEXT NOT NULL,
	words TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (media_id)
)
 STRICT;

CREATE INDEX event_pictures_of ON event_pictures (post_id);

CREATE TABLE event_prints (
	fingerprint INTEGER NOT NULL,
	text_id INTEGER NOT NULL,
	PRIMARY KEY (fingerprint, text_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE event_waiting_prints (
	text_id INTEGER NOT NULL,
	prints BLOB NOT NULL,
	PRIMARY KEY (text_id)
)
 STRICT;

CREATE TABLE event_words (
	text_id INTEGER NOT NULL,
	event_id INTEGER NOT NULL,
	tokens TEXT NOT NULL,
	digest TEXT NOT NULL,
	prints INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (text_id)
)
 STRICT;

CREATE INDEX event_words_by_time ON event_words (at);

CREATE INDEX event_words_equal ON event_words (digest, at);

CREATE INDEX event_words_of ON event_words (event_id);

CREATE TABLE fetches (
	id INTEGER NOT NULL,
	digest TEXT NOT NULL,
	at INTEGER NOT NULL,
	method TEXT NOT NULL,
	status TEXT,
	url TEXT,
	headers BLOB NOT NULL,
	certificate TEXT,
	layer INTEGER,
	PRIMARY KEY (id),
	UNIQUE (digest)
)
 STRICT;

CREATE TABLE meta (
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
)
 STRICT;

CREATE TABLE mutes (
	id INTEGER NOT NULL,
	rule TEXT,
	source TEXT,
	tag TEXT,
	"query" TEXT,
	target TEXT,
	even_max INTEGER NOT NULL,
	from_at INTEGER NOT NULL,
	until INTEGER NOT NULL,
	why TEXT NOT NULL,
	who TEXT NOT NULL,
	ended_at INTEGER,
	ended_by TEXT,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE notices (
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	about TEXT NOT NULL,
	text TEXT NOT NULL,
	ends INTEGER,
	PRIMARY KEY (id)
)
 STRICT;

CREATE INDEX notices_about ON notices (about, id);

CREATE TABLE raw (
	sha256 TEXT NOT NULL,
	mime TEXT NOT NULL,
	bytes INTEGER NOT NULL,
	zstd BLOB NOT NULL,
	text_id INTEGER,
	PRIMARY KEY (sha256)
)
 STRICT;

CREATE TABLE rules (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	"query" TEXT NOT NULL,
	loaded_at INTEGER NOT NULL,
	loaded_seq INTEGER DEFAULT 0 NOT NULL,
	language_version INTEGER DEFAULT 1 NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name, version)
)
 STRICT;

CREATE TABLE sendings (
	id INTEGER NOT NULL,
	chat TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE INDEX sendings_of ON sendings (chat, at);

CREATE TABLE sources (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	tags TEXT NOT NULL,
	side TEXT,
	enabled INTEGER NOT NULL,
	channel_id TEXT,
	handle TEXT,
	title TEXT,
	state TEXT NOT NULL,
	reason TEXT,
	state_since INTEGER NOT NULL,
	paused INTEGER NOT NULL,
	cursor TEXT,
	high_water INTEGER,
	first_contact_at INTEGER,
	next_poll_at INTEGER NOT NULL,
	hold_until INTEGER,
	failures INTEGER NOT NULL,
	last_ok_at INTEGER,
	last_post_at INTEGER,
	first_contact_seq INTEGER,
	server TEXT,
	failure TEXT,
	failing_since INTEGER,
	failures_alike INTEGER DEFAULT 0 NOT NULL,
	reader INTEGER DEFAULT 0 NOT NULL,
	family TEXT,
	picture TEXT,
	moved_to TEXT,
	pace INTEGER,
	PRIMARY KEY (id),
	UNIQUE (name)
)
 STRICT;

CREATE INDEX sources_failing ON sources (failure) WHERE failure IS NOT NULL;

CREATE TABLE targets (
	name TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT,
	state_since INTEGER NOT NULL,
	hold_until INTEGER,
	asked_at INTEGER,
	moved_from TEXT,
	moved_to TEXT,
	move_answer TEXT,
	PRIMARY KEY (name)
)
 STRICT;

CREATE TABLE telegram_account (
	id INTEGER NOT NULL,
	state TEXT NOT NULL,
	reason TEXT,
	remedy TEXT,
	state_since INTEGER NOT NULL,
	user TEXT,
	account TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE UNIQUE INDEX telegram_account_by_name ON telegram_account (account);

CREATE TABLE telegram_peers (
	account TEXT NOT NULL,
	asked TEXT NOT NULL,
	channel_id INTEGER NOT NULL,
	access_hash INTEGER NOT NULL,
	handle TEXT,
	title TEXT,
	joined INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (account, asked)
)
 STRICT;

CREATE TABLE telegram_requests (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	source TEXT NOT NULL,
	asked_at INTEGER NOT NULL,
	done_at INTEGER,
	outcome TEXT,
	detail TEXT,
	account TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE telegram_spent (
	id INTEGER NOT NULL,
	method TEXT NOT NULL,
	at INTEGER NOT NULL,
	account TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE telegram_waits (
	account TEXT NOT NULL,
	method TEXT NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (account, method)
)
 STRICT;

CREATE TABLE telegram_watches (
	source TEXT NOT NULL,
	mode TEXT NOT NULL,
	joined INTEGER NOT NULL,
	account TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (source)
)
 STRICT;

CREATE TABLE topics (
	target TEXT NOT NULL,
	chat TEXT NOT NULL,
	event_id INTEGER NOT NULL,
	state TEXT NOT NULL,
	topic INTEGER,
	renewed INTEGER DEFAULT 0 NOT NULL,
	opened_at INTEGER NOT NULL,
	PRIMARY KEY (target, chat, event_id)
)
 STRICT;

CREATE INDEX topics_open ON topics (opened_at) WHERE state = 'open';

CREATE TABLE words (
	word TEXT NOT NULL,
	PRIMARY KEY (word)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE gaps (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	low INTEGER,
	high INTEGER,
	from_at INTEGER,
	to_at INTEGER,
	reason TEXT NOT NULL,
	opened_at INTEGER NOT NULL,
	closed_at INTEGER,
	closed_how TEXT,
	until_count INTEGER,
	until_time INTEGER,
	alerts INTEGER NOT NULL,
	said INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(source_id) REFERENCES sources (id)
)
 STRICT;

CREATE INDEX gaps_by_source ON gaps (source_id, closed_at);

CREATE INDEX gaps_unsaid ON gaps (id) WHERE said < 2;

CREATE TABLE identity_changes (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	what TEXT NOT NULL,
	"before" TEXT,
	"after" TEXT,
	said INTEGER NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(source_id) REFERENCES sources (id)
)
 STRICT;

CREATE INDEX identity_changes_of ON identity_changes (source_id, what, at);

CREATE INDEX identity_changes_unsaid ON identity_changes (id) WHERE said = 0;

CREATE TABLE posts (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	native_id TEXT NOT NULL,
	number INTEGER,
	posted_at INTEGER,
	posted_raw TEXT NOT NULL,
	url TEXT,
	author TEXT,
	reply_to TEXT,
	group_key TEXT,
	forward TEXT,
	views TEXT,
	collected_at INTEGER NOT NULL,
	alerts INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	texts INTEGER NOT NULL,
	language TEXT NOT NULL,
	edited_at INTEGER,
	deleted_at INTEGER,
	seq INTEGER DEFAULT 0 NOT NULL,
	reader INTEGER DEFAULT 0 NOT NULL,
	service INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (source_id, native_id),
	FOREIGN KEY(source_id) REFERENCES sources (id)
)
 STRICT;

CREATE INDEX posts_by_reader ON posts (source_id, reader);

CREATE INDEX posts_by_source ON posts (source_id, id);

CREATE INDEX posts_by_url ON posts (url);

CREATE INDEX posts_edited ON posts (id) WHERE edited_at IS NOT NULL OR revision > 0;

CREATE INDEX posts_forwarded ON posts (id) WHERE forward IS NOT NULL;

CREATE INDEX posts_replying ON posts (id) WHERE reply_to IS NOT NULL;

CREATE INDEX posts_with_more_texts ON posts (id) WHERE texts > 1;

CREATE TABLE quarantine (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	native_id TEXT,
	raw_sha256 TEXT NOT NULL,
	reason TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (source_id, raw_sha256),
	FOREIGN KEY(source_id) REFERENCES sources (id),
	FOREIGN KEY(raw_sha256) REFERENCES raw (sha256)
)
 STRICT;

CREATE TABLE runs (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	started_at INTEGER NOT NULL,
	ended_at INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	detail TEXT,
	rounds INTEGER NOT NULL,
	posts INTEGER NOT NULL,
	longest_pause INTEGER,
	PRIMARY KEY (id),
	FOREIGN KEY(source_id) REFERENCES sources (id)
)
 STRICT;

CREATE INDEX runs_by_source ON runs (source_id, started_at);

CREATE INDEX runs_in_order ON runs (source_id);

CREATE TABLE silences (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	slot TEXT NOT NULL,
	since INTEGER NOT NULL,
	said_at INTEGER,
	accepted_until INTEGER,
	ended_at INTEGER,
	PRIMARY KEY (id),
	FOREIGN KEY(source_id) REFERENCES sources (id)
)
 STRICT;

CREATE INDEX silences_open ON silences (source_id) WHERE ended_at IS NULL;

CREATE TABLE disappearances (
	id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	gone INTEGER NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX disappearances_by_post ON disappearances (post_id);

CREATE TABLE event_corrections (
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	post_id INTEGER NOT NULL,
	other INTEGER,
	who TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE TABLE event_steps (
	id INTEGER NOT NULL,
	"after" INTEGER NOT NULL,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	post_id INTEGER NOT NULL,
	media_id INTEGER,
	text_id INTEGER,
	other INTEGER,
	unread INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE TABLE events (
	id INTEGER NOT NULL,
	opened_at INTEGER NOT NULL,
	newest_at INTEGER NOT NULL,
	origin INTEGER,
	leads_to INTEGER,
	quotes INTEGER,
	PRIMARY KEY (id),
	FOREIGN KEY(id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX events_by_time ON events (newest_at);

CREATE TABLE given_up (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	post_id INTEGER NOT NULL,
	slot TEXT NOT NULL,
	at INTEGER NOT NULL,
	reason TEXT NOT NULL,
	announced INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX given_up_of ON given_up (post_id, kind);

CREATE INDEX given_up_unsaid ON given_up (id) WHERE announced = 0;

CREATE TABLE jobs (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	post_id INTEGER NOT NULL,
	slot TEXT NOT NULL,
	due_at INTEGER NOT NULL,
	claimed_until INTEGER,
	attempts INTEGER NOT NULL,
	patient INTEGER,
	interruptions INTEGER DEFAULT 0 NOT NULL,
	deaths INTEGER DEFAULT 0 NOT NULL,
	healthy INTEGER DEFAULT 0 NOT NULL,
	seen INTEGER,
	PRIMARY KEY (id),
	UNIQUE (kind, post_id, slot),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX jobs_apart ON jobs (kind, due_at) WHERE attempts + interruptions > 0;

CREATE INDEX jobs_claimed ON jobs (kind) WHERE claimed_until IS NOT NULL;

CREATE INDEX jobs_due ON jobs (kind, due_at);

CREATE INDEX jobs_newest ON jobs (kind, patient, post_id) WHERE patient IS NOT NULL;

CREATE TABLE matches (
	id INTEGER NOT NULL,
	rule TEXT NOT NULL,
	rule_version TEXT NOT NULL,
	post_id INTEGER NOT NULL,
	document_hash TEXT NOT NULL,
	kind TEXT NOT NULL,
	at INTEGER NOT NULL,
	hits TEXT NOT NULL,
	alerting INTEGER NOT NULL,
	why TEXT NOT NULL,
	"before" TEXT,
	PRIMARY KEY (id),
	UNIQUE (rule, rule_version, post_id, document_hash, kind),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX matches_by_post ON matches (post_id);

CREATE INDEX matches_by_rule ON matches (rule, at);

CREATE TABLE media (
	id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	kind TEXT NOT NULL,
	url TEXT,
	mime TEXT,
	name TEXT,
	bytes INTEGER,
	duration_s REAL,
	revision INTEGER NOT NULL,
	state TEXT NOT NULL,
	reason TEXT,
	sha256 TEXT,
	path TEXT,
	sniffed TEXT,
	size INTEGER,
	stored_at INTEGER,
	failures INTEGER DEFAULT 0 NOT NULL,
	next_try_at INTEGER,
	read_by TEXT,
	read_at INTEGER,
	reading_since INTEGER,
	crashes INTEGER,
	reread INTEGER,
	picture TEXT,
	PRIMARY KEY (id),
	UNIQUE (post_id, "key"),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX media_by_content ON media (sha256) WHERE sha256 IS NOT NULL;

CREATE INDEX media_by_kind ON media (kind, post_id);

CREATE INDEX media_by_state ON media (state);

CREATE INDEX media_due ON media (next_try_at) WHERE state = 'pending';

CREATE INDEX media_unread ON media (post_id) WHERE state = 'stored' AND read_by IS NULL;

CREATE TABLE observations (
	id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	presence TEXT NOT NULL,
	method TEXT NOT NULL,
	detail TEXT,
	fetch_id INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT presence CHECK (presence IN ('present', 'absent')),
	FOREIGN KEY(post_id) REFERENCES posts (id),
	FOREIGN KEY(fetch_id) REFERENCES fetches (id)
)
 STRICT;

CREATE INDEX observations_by_post ON observations (post_id, at);

CREATE TABLE rereadings (
	id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	reader INTEGER NOT NULL,
	at INTEGER NOT NULL,
	title TEXT,
	text TEXT,
	links TEXT,
	poll TEXT,
	preview TEXT,
	content_hash TEXT NOT NULL,
	replaced TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (post_id, revision, reader),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE TABLE revisions (
	id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	title TEXT,
	text TEXT NOT NULL,
	links TEXT NOT NULL,
	poll TEXT,
	preview TEXT,
	edited INTEGER NOT NULL,
	edited_at INTEGER,
	content_hash TEXT NOT NULL,
	raw_sha256 TEXT NOT NULL,
	collected_at INTEGER NOT NULL,
	method TEXT NOT NULL,
	fetch_id INTEGER,
	text_number INTEGER,
	PRIMARY KEY (id),
	UNIQUE (post_id, number),
	FOREIGN KEY(post_id) REFERENCES posts (id),
	FOREIGN KEY(raw_sha256) REFERENCES raw (sha256),
	FOREIGN KEY(fetch_id) REFERENCES fetches (id)
)
 STRICT;

CREATE TABLE texts (
	id INTEGER NOT NULL,
	post_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	revision INTEGER NOT NULL,
	media_id INTEGER,
	text TEXT NOT NULL,
	folded TEXT NOT NULL,
	fold_version INTEGER NOT NULL,
	language TEXT NOT NULL,
	engine TEXT,
	confidence REAL,
	current INTEGER NOT NULL,
	model TEXT,
	unreliable INTEGER DEFAULT 0 NOT NULL,
	segments TEXT,
	ended INTEGER,
	packed BLOB,
	PRIMARY KEY (id),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 STRICT;

CREATE INDEX texts_by_fold ON texts (fold_version, language);

CREATE INDEX texts_by_post ON texts (post_id);

CREATE INDEX texts_in_doubt ON texts (kind) WHERE unreliable = 1;

CREATE TABLE undecided (
	post_id INTEGER NOT NULL,
	loaded_seq INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	PRIMARY KEY (post_id, loaded_seq),
	FOREIGN KEY(post_id) REFERENCES posts (id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE acks (
	id INTEGER NOT NULL,
	match_id INTEGER NOT NULL,
	who TEXT NOT NULL,
	at INTEGER NOT NULL,
	buttons INTEGER DEFAULT 1 NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(match_id) REFERENCES matches (id)
)
 STRICT;

CREATE INDEX acks_of ON acks (match_id);

CREATE INDEX acks_with_buttons ON acks (id) WHERE buttons = 1;

CREATE TABLE deliveries (
	id INTEGER NOT NULL,
	match_id INTEGER,
	target TEXT NOT NULL,
	kind TEXT NOT NULL,
	payload TEXT NOT NULL,
	state TEXT NOT NULL,
	not_before INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	possible_repeat INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	started_at INTEGER,
	settled_at INTEGER,
	reason TEXT,
	receipt TEXT,
	priority INTEGER DEFAULT 2 NOT NULL,
	unanswered INTEGER DEFAULT 0 NOT NULL,
	interruptions INTEGER DEFAULT 0 NOT NULL,
	deaths INTEGER DEFAULT 0 NOT NULL,
	healthy INTEGER DEFAULT 0 NOT NULL,
	held TEXT,
	digest_id INTEGER,
	held_until INTEGER,
	escalates INTEGER,
	mute_id INTEGER,
	asked INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (match_id, target),
	CONSTRAINT state CHECK (state IN ('pending','sending','sent','joined','digested','dead','silenced')),
	FOREIGN KEY(match_id) REFERENCES matches (id),
	FOREIGN KEY(digest_id) REFERENCES digests (id),
	FOREIGN KEY(escalates) REFERENCES matches (id)
)
 STRICT;

CREATE INDEX deliveries_apart ON deliveries (target) WHERE interruptions > 0;

CREATE INDEX deliveries_by_digest ON deliveries (digest_id) WHERE digest_id IS NOT NULL;

CREATE INDEX deliveries_due ON deliveries (target, state, held, not_before);

CREATE UNIQUE INDEX deliveries_escalating ON deliveries (escalates, target) WHERE escalates IS NOT NULL;

CREATE INDEX deliveries_held ON deliveries (target, held, priority, created_at) WHERE held IS NOT NULL;

CREATE INDEX deliveries_in_order ON deliveries (target, priority, id) WHERE state = 'pending' AND held IS NULL;

CREATE INDEX deliveries_of_files ON deliveries (id) WHERE kind = 'files' AND state = 'pending';

CREATE INDEX deliveries_of_mute ON deliveries (mute_id) WHERE mute_id IS NOT NULL;

CREATE INDEX deliveries_sending ON deliveries (target) WHERE state = 'sending';

CREATE INDEX deliveries_unanswered ON deliveries (target) WHERE kind = 'escalation' AND state = 'pending';

CREATE TABLE event_posts (
	post_id INTEGER NOT NULL,
	event_id INTEGER NOT NULL,
	reason TEXT NOT NULL,
	measure REAL,
	at INTEGER NOT NULL,
	added TEXT,
	apart INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (post_id),
	FOREIGN KEY(post_id) REFERENCES posts (id),
	FOREIGN KEY(event_id) REFERENCES events (id)
)
 STRICT;

CREATE INDEX event_posts_by_event ON event_posts (event_id, post_id);

CREATE TABLE facing (
	match_id INTEGER NOT NULL,
	faces INTEGER NOT NULL,
	PRIMARY KEY (match_id),
	FOREIGN KEY(match_id) REFERENCES matches (id),
	FOREIGN KEY(faces) REFERENCES matches (id)
)
 STRICT;

CREATE INDEX facing_of ON facing (faces);

CREATE TABLE verdicts (
	id INTEGER NOT NULL,
	match_id INTEGER NOT NULL,
	who TEXT NOT NULL,
	verdict TEXT NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(match_id) REFERENCES matches (id)
)
 STRICT;

CREATE INDEX verdicts_of ON verdicts (match_id);

CREATE TABLE event_messages (
	delivery_id INTEGER NOT NULL,
	shown TEXT NOT NULL,
	copies INTEGER NOT NULL,
	edits INTEGER NOT NULL,
	due_at INTEGER,
	not_before INTEGER NOT NULL,
	ended TEXT,
	PRIMARY KEY (delivery_id),
	FOREIGN KEY(delivery_id) REFERENCES deliveries (id)
)
 STRICT;

CREATE INDEX event_messages_due ON event_messages (due_at) WHERE due_at IS NOT NULL;

CREATE VIRTUAL TABLE posts_index USING fts5(body, poll, attached, card, transcript, ocr, file, notice, quoted, translation, earlier, content="posts_words", content_rowid="id", columnsize=0, tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'");

CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));

