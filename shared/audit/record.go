// Package audit holds the evidence: records of acts, their chain, their Merkle tree and the offline
// check.
package audit

import (
	"encoding/json"
	"time"

	"fenzhang/shared/ident"
)

// Record is one act that moved money, touched tax, read personal data or changed rights (promise
// P7). It never holds a name, an identity number or an account.
type Record struct {
	// the transition_id or outbox id of the act: unique, chosen before its first try
	ID     string          `json:"id"`
	Tenant ident.Tenant    `json:"tenant"`
	At     time.Time       `json:"at"`    // the real instant of the act
	Actor  string          `json:"actor"` // subject of the token, or "system:<function>"
	Act    string          `json:"act"`   // verb and noun, "settlement.approved"
	Object string          `json:"object"`
	What   json.RawMessage `json:"what,omitempty"` // amounts, versions, states: what changed
	Why    string          `json:"why,omitempty"`
	// taxpayer id in the tenant, not the number itself
	TaxID ident.Taxpayer `json:"tax_id,omitempty"`
	// certificate of the operator, where requests are signed
	Operator   string `json:"operator_cert,omitempty"`
	LedgerHash string `json:"ledger_hash,omitempty"` // SM3 of the journal entry the act posted
	Trace      string `json:"trace,omitempty"`
	Retention  string `json:"retention,omitempty"` // voucher (30 years, default) or return (10 years)
}
