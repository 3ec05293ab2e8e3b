package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"fenzhang/shared/money"
)

// The gateways' own states of a bill.
const (
	accepted = "ACCEPTED"
	success  = "SUCCESS"
	fail     = "FAIL"
	returned = "RETURNED"
)

// Bill is one payment that the stand-in was asked for.
type Bill struct {
	Merchant  string       `json:"merchant"`
	Key       string       `json:"out_bill_no"`
	GatewayID string       `json:"gateway_id"`
	Amount    money.Amount `json:"amount"`
	Payee     string       `json:"payee"`
	Name      string       `json:"name,omitempty"`
	Bank      string       `json:"bank,omitempty"`
	Remark    string       `json:"remark,omitempty"`
	NotifyURL string       `json:"notify_url,omitempty"`
	State     string       `json:"state"`
	Reason    string       `json:"reason,omitempty"`
	Requests  int          `json:"requests"` // how often the payment was asked for
	Notices   int          `json:"notices"`  // how many notices were delivered
	Notified  string       `json:"notified,omitempty"`
	Fault     Fault        `json:"fault,omitempty"` // how this bill misbehaves
	Created   time.Time    `json:"created_at"`
	Updated   time.Time    `json:"updated_at"`
}

func (b Bill) sameContent(o Bill) bool {
	return b.Amount == o.Amount && b.Payee == o.Payee && b.Name == o.Name && b.Bank == o.Bank
}

func (b Bill) final() bool { return b.State != accepted }

// book keeps the bills in memory and every change of them as a line on disk.
type book struct {
	mu    sync.Mutex
	bills map[string]*Bill // by merchant and key
	file  *os.File
}

func openBook(path string) (*book, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	b := &book{bills: map[string]*Bill{}, file: file}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var bill Bill
		if json.Unmarshal(lines.Bytes(), &bill) != nil {
			continue // a line cut off by a kill: the change before it holds, and nobody was answered
		}
		b.bills[bill.id()] = &bill
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	// so that the next change never continues a line that was cut off
	_, err = file.Write([]byte("\n"))
	return b, err
}

func (b Bill) id() string { return b.Merchant + "/" + b.Key }

// change lets f alter the bill and writes it down; a nil bill tells f that there is none yet, and f
// makes one by returning it.
func (b *book) change(merchant, key string, f func(*Bill) *Bill) (Bill, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bill := b.bills[merchant+"/"+key]
	if bill != nil {
		c := *bill
		bill = &c
	}
	bill = f(bill)
	if bill == nil {
		return Bill{}, nil
	}
	if bill.GatewayID == "" {
		bill.GatewayID = fmt.Sprintf("G%s%08d", bill.Created.UTC().Format("20060102"), len(b.bills)+1)
	}
	line, err := json.Marshal(bill)
	if err != nil {
		return Bill{}, err
	}
	if _, err := b.file.Write(append(line, '\n')); err != nil {
		return Bill{}, err
	}
	b.bills[bill.id()] = bill
	return *bill, nil
}

func (b *book) get(merchant, key string) (Bill, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bill := b.bills[merchant+"/"+key]; bill != nil {
		return *bill, true
	}
	return Bill{}, false
}

// all lists the bills, oldest first.
func (b *book) all() []Bill {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Bill, 0, len(b.bills))
	for _, bill := range b.bills {
		list = append(list, *bill)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].GatewayID < list[j].GatewayID })
	return list
}

func (b *book) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.file.Close()
}
