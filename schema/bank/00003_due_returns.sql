-- Returns that are still to be made. A row goes in the transaction that sends the money back.

-- +goose Up
CREATE TABLE due_returns (
    reference VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    due_at    DATETIME(6) NOT NULL,
    attempts  INT NOT NULL DEFAULT 0,
    PRIMARY KEY (reference),
    KEY due_returns_due (due_at),
    CONSTRAINT due_returns_transfer FOREIGN KEY (reference) REFERENCES transfers (reference),
    CONSTRAINT due_returns_reason CHECK (reason <> ''),
    CONSTRAINT due_returns_attempts CHECK (attempts >= 0)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE due_returns;
