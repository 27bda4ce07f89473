-- Money by region: a read model of the ledger's journal and of where members live now. All of it can be made again
-- from those two. Amounts are whole won, times are UTC, days are those of Asia/Seoul.

-- +goose Up
-- A generation is the whole model, built from the first posting on.
CREATE TABLE generations (
    generation  BIGINT NOT NULL,
    journal_seq BIGINT NOT NULL,   -- all postings up to this one are in
    region_seq  BIGINT NOT NULL,   -- and all changes of regions up to this one
    as_of       DATETIME(6) NULL,  -- when there was last nothing more to take in
    PRIMARY KEY (generation),
    CONSTRAINT generations_number CHECK (generation > 0),
    CONSTRAINT generations_position CHECK (journal_seq >= 0 AND region_seq >= 0)
) ENGINE = InnoDB;

-- Which generation readers see, and which one is being built (0: none). Every writer holds this row.
CREATE TABLE projection (
    id       TINYINT NOT NULL,
    live     BIGINT NOT NULL,
    building BIGINT NOT NULL,
    newest   BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT projection_single CHECK (id = 1),
    CONSTRAINT projection_generations CHECK (live > 0 AND building >= 0 AND live <> building AND newest >= live AND newest >= building)
) ENGINE = InnoDB;

INSERT INTO generations (generation, journal_seq, region_seq, as_of) VALUES (1, 0, 0, NULL);
INSERT INTO projection (id, live, building, newest) VALUES (1, 1, 0, 1);

-- region is empty until the member's first change of region is taken in: money can be seen earlier than its owner.
CREATE TABLE member_money (
    generation BIGINT NOT NULL,
    member_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    region     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    balance    BIGINT NOT NULL,
    PRIMARY KEY (generation, member_id),
    CONSTRAINT member_money_balance CHECK (balance >= 0)
) ENGINE = InnoDB;

CREATE TABLE member_inflows (
    generation BIGINT NOT NULL,
    member_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day        DATE NOT NULL,
    amount     BIGINT NOT NULL,
    PRIMARY KEY (generation, member_id, day),
    CONSTRAINT member_inflows_amount CHECK (amount > 0)
) ENGINE = InnoDB;

-- The sums of the two tables above by region. A missing row means zero.
CREATE TABLE region_totals (
    generation BIGINT NOT NULL,
    region     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    members    BIGINT NOT NULL,
    balance    BIGINT NOT NULL,
    PRIMARY KEY (generation, region),
    CONSTRAINT region_totals_known CHECK (region <> ''),
    CONSTRAINT region_totals_members CHECK (members >= 0),
    CONSTRAINT region_totals_balance CHECK (balance >= 0)
) ENGINE = InnoDB;

CREATE TABLE region_inflows (
    generation BIGINT NOT NULL,
    region     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day        DATE NOT NULL,
    amount     BIGINT NOT NULL,
    PRIMARY KEY (generation, region, day),
    CONSTRAINT region_inflows_known CHECK (region <> ''),
    CONSTRAINT region_inflows_amount CHECK (amount >= 0)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE region_inflows;
DROP TABLE region_totals;
DROP TABLE member_inflows;
DROP TABLE member_money;
DROP TABLE projection;
DROP TABLE generations;
