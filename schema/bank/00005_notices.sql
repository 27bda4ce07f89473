-- What the bank tells its subscriber by itself, written with the effect it tells of. The id is made of the effect's, so that one effect
-- has one notice. The body never changes: each attempt sends the same bytes.

-- +goose Up
CREATE TABLE notices (
    id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body         VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    state        VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    copies       TINYINT NOT NULL,
    attempts     INT NOT NULL DEFAULT 0,
    due_at       DATETIME(6) NOT NULL,
    delivered_at DATETIME(6) NULL,
    PRIMARY KEY (id),
    KEY notices_due (state, due_at),
    CONSTRAINT notices_state CHECK (state IN ('PENDING', 'DELIVERED')),
    CONSTRAINT notices_copies CHECK (copies BETWEEN 0 AND 2 AND (state = 'DELIVERED') = (copies = 0)),
    CONSTRAINT notices_attempts CHECK (attempts >= 0),
    CONSTRAINT notices_delivered CHECK ((state = 'DELIVERED') = (delivered_at IS NOT NULL))
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE notices;
