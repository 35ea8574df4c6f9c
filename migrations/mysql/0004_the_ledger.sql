-- What batches change in the plane's books and in the rollups, an entry a batch and tenant, until it is folded into their
-- tables: the rows there are the same few for all calls of a group. `entry`: a JSON document.
CREATE TABLE ledger (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    entry LONGTEXT NOT NULL,
    KEY ledger_tenant (tenant_id, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
