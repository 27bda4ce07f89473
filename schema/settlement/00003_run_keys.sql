-- What a key of an Idempotency-Key header asked for first. A live run is named by its date and not by the key, so the key
-- is remembered here: with another date it is refused. Times are UTC.

-- +goose Up
CREATE TABLE run_keys (
    id          VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE run_keys;
