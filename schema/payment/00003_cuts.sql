-- Statements into which items are cut; franchise_id is empty for one closed before. done_at closes one: nothing joins it afterwards, so that its sums stay.

-- +goose Up
CREATE TABLE cuts (
    statement_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    before_at    DATETIME(6) NOT NULL,
    done_at      DATETIME(6) NULL,
    created_at   DATETIME(6) NOT NULL,
    PRIMARY KEY (statement_id),
    KEY cuts_created (created_at, franchise_id)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE cuts;
