-- Where members live, told in order to whoever keeps sums by region. Times are UTC.

-- +goose Up
-- Whoever adds to region_changes holds this row until the commit: the numbers have no gaps and are given in commit
-- order, so that a reader who has seen a number has seen, or can see, every smaller one.
CREATE TABLE region_feed (
    id TINYINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT region_feed_single CHECK (id = 1)
) ENGINE = InnoDB;

INSERT INTO region_feed (id) VALUES (1);

-- Append-only: the region of a member who has just become visible, or has moved.
CREATE TABLE region_changes (
    seq       BIGINT NOT NULL,
    member_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    region    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at        DATETIME(6) NOT NULL,
    PRIMARY KEY (seq),
    KEY region_changes_member (member_id, seq),
    CONSTRAINT region_changes_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT region_changes_seq CHECK (seq > 0),
    CONSTRAINT region_changes_region CHECK (region <> '')
) ENGINE = InnoDB;

INSERT INTO region_changes (seq, member_id, region, at)
SELECT ROW_NUMBER() OVER (ORDER BY created_at, id), id, region, updated_at
FROM members WHERE role = 'MEMBER' AND region <> '' AND state <> 'PENDING';

-- +goose Down
DROP TABLE region_changes;
DROP TABLE region_feed;
