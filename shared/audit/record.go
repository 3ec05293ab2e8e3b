// Package audit holds the evidence of what was done: records of acts, the hash chain and the Merkle
// tree over them, and the offline check of both.
package audit

import (
	"encoding/json"
	"time"

	"fenzhang/shared/ident"
)

// Record is one act that moved money, concerned tax, read personal data or changed rights (promise
// P7). Record never holds a name, an ID number or an account number.
type Record struct {
	// ID is the transition_id or outbox id of the act: unique, and chosen before the first try.
	ID     string       `json:"id"`
	Tenant ident.Tenant `json:"tenant"`
	At     time.Time    `json:"at"` // real time of the act
	// who acted: the subject of the token, or "system:<function>"
	Actor  string          `json:"actor"`
	Act    string          `json:"act"` // verb and noun, "settlement.approved"
	Object string          `json:"object"`
	What   json.RawMessage `json:"what,omitempty"` // what changed: amounts, versions, states
	Why    string          `json:"why,omitempty"`
	// TaxID is the id of the taxpayer in the tenant, never the ID number itself.
	TaxID ident.Taxpayer `json:"tax_id,omitempty"`
	// Operator is the certificate of the operator, where requests are signed.
	Operator   string `json:"operator_cert,omitempty"`
	LedgerHash string `json:"ledger_hash,omitempty"` // SM3 of the journal entry that the act posted
	Trace      string `json:"trace,omitempty"`
	// retention class of the record: voucher (30 years, default) or return (10 years)
	Retention string `json:"retention,omitempty"`
}
