package income

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"

	"fenzhang/local/apiclient"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// The kinds of files in a delivery of a platform.
const (
	LiveTips    = "live_tips"    // CSV, income type live_tip
	Xingtu      = "xingtu"       // CSV, income type xingtu_ad
	Orders      = "orders"       // NDJSON pages, income type commerce_commission
	Events      = "events"       // NDJSON
	SettleCalls = "settle_calls" // JSON list of SettleCall
)

// Manifest lists the files of a delivery and the settlements that the files must lead to.
type Manifest struct {
	Seed     uint64       `json:"seed"`
	Tenants  []string     `json:"tenants"`
	Files    []File       `json:"files"`
	Expected []Expected   `json:"expected"`
	Worked   []WorkedCase `json:"worked"`
}

// File describes a file and the business date on which a client sends it.
type File struct {
	Path   string       `json:"path"`
	Tenant ident.Tenant `json:"tenant"`
	Kind   string       `json:"kind"`
	SendOn civil.Date   `json:"send_on"`
	Bytes  int          `json:"bytes"`
	SHA256 string       `json:"sha256"`
}

// Expected is one settlement that the files must lead to: the statement of a period, late and
// refunded lines included, or a settle call.
type Expected struct {
	Tenant     ident.Tenant  `json:"tenant"`
	CreatorID  ident.Creator `json:"creator_id"`
	IncomeType string        `json:"income_type"`
	Period     civil.Month   `json:"period"`
	ActivityID string        `json:"activity_id"`
	PayOn      civil.Date    `json:"pay_on"`
	Gross      money.Amount  `json:"gross"`
}

// WorkedCase is a case of docs/worked-cases.md: everything that a creator is paid on one day.
type WorkedCase struct {
	Case      string                  `json:"case"`
	Tenant    ident.Tenant            `json:"tenant"`
	CreatorID ident.Creator           `json:"creator_id"`
	PayOn     civil.Date              `json:"pay_on"`
	Share     money.Amount            `json:"share"` // the creator's share
	Taxes     map[string]money.Amount `json:"taxes"` // taxes withheld, by name
	// taxes that the payee files itself, as far as they can be known
	Owed map[string]money.Amount `json:"owed"`
	Net  money.Amount            `json:"net"`
	// the hold because of which nothing is taxed or paid
	Hold string `json:"hold,omitempty"`
}

// SettleCall is a settle call with its idempotency key.
type SettleCall struct {
	Key     string                  `json:"key"`
	Request apiclient.SettleRequest `json:"request"`
}

// Master is a tenant's master data, in the order in which it must be posted.
type Master struct {
	PayingEntities []apiclient.PayingEntity `json:"paying_entities"`
	Taxpayers      []apiclient.Taxpayer     `json:"taxpayers"`
	Creators       []apiclient.Creator      `json:"creators"`
	Contracts      []apiclient.Contract     `json:"contracts"`
	Strategies     []apiclient.Strategy     `json:"strategies"`
	Positions      []apiclient.Position     `json:"positions"`
}

// Delivery is a folder of income files with its manifest, exchange rates and master data.
type Delivery struct {
	Manifest
	Master map[string]Master // by tenant
	files  fs.FS
	rates  Rates
}

// Open reads the manifest, the rates and the master data of a folder. The income files are read
// later.
func Open(files fs.FS) (Delivery, error) {
	d := Delivery{files: files, Master: map[string]Master{}}
	if err := readJSON(files, "manifest.json", &d.Manifest); err != nil {
		return d, err
	}
	if err := readJSON(files, "rates.json", &d.rates); err != nil {
		return d, err
	}
	for _, t := range d.Tenants {
		var m Master
		if err := readJSON(files, path.Join(t, "master.json"), &m); err != nil {
			return d, err
		}
		d.Master[t] = m
	}
	return d, nil
}

// Lines reads a file of income lines.
func (d Delivery) Lines(f File) (Batch, error) {
	spec := Spec{Source: f.Path, Platform: "douyin",
		Roster: RosterOf(d.Master[string(f.Tenant)].Creators), Rates: d.rates}
	read := ReadStatement
	switch f.Kind {
	case LiveTips:
		spec.IncomeType = "live_tip"
	case Xingtu:
		spec.IncomeType = "xingtu_ad"
	case Orders:
		spec.IncomeType, read = "commerce_commission", ReadOrders
	default:
		return Batch{}, fmt.Errorf("%s: a file of kind %q has no income lines", f.Path, f.Kind)
	}
	r, err := d.files.Open(f.Path)
	if err != nil {
		return Batch{}, err
	}
	defer func() { _ = r.Close() }()
	return read(r, spec)
}

// Events reads a file of incentive events.
func (d Delivery) Events(f File) ([]json.RawMessage, []Remark, error) {
	r, err := d.files.Open(f.Path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = r.Close() }()
	return ReadEvents(r, f.Path)
}

// SettleCalls reads a file of settle calls.
func (d Delivery) SettleCalls(f File) ([]SettleCall, error) {
	var calls []SettleCall
	err := readJSON(d.files, f.Path, &calls)
	return calls, err
}

// readJSON decodes a JSON file.
func readJSON(files fs.FS, name string, into any) error {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
