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

// The states of a bill, as the gateways name them.
const (
	accepted = "ACCEPTED"
	success  = "SUCCESS"
	fail     = "FAIL"
	returned = "RETURNED"
)

// Bill is one payment that a client has requested.
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
	Requests  int          `json:"requests"` // how often the payment was requested
	Notices   int          `json:"notices"`  // how many notices were delivered
	Notified  string       `json:"notified,omitempty"`
	Fault     Fault        `json:"fault,omitempty"` // the fault of this bill
	Created   time.Time    `json:"created_at"`
	Updated   time.Time    `json:"updated_at"`
}

// hasSameContent reports whether two bills pay the same amount to the same payee.
func (b Bill) hasSameContent(o Bill) bool {
	return b.Amount == o.Amount && b.Payee == o.Payee && b.Name == o.Name && b.Bank == o.Bank
}

// isFinal reports whether the bill has been paid or has failed.
func (b Bill) isFinal() bool { return b.State != accepted }

// book keeps the bills in memory and appends every change of a bill as a line to a file.
type book struct {
	mu    sync.Mutex
	bills map[string]*Bill // by merchant and key
	file  *os.File
}

// openBook reads the bills of a file, which is created when it does not exist.
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
			continue // the process was killed while writing this line; its request was not answered
		}
		b.bills[bill.bookKey()] = &bill
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	// a line break, so that the next line is never appended to an incomplete one
	_, err = file.Write([]byte("\n"))
	return b, err
}

// bookKey returns the key of the bill in the book.
func (b Bill) bookKey() string { return b.Merchant + "/" + b.Key }

// updateBill calls f with a copy of a bill, or with nil when there is none, and stores the bill
// that f returns. The line is written to the file first: a bill in memory is never newer than the
// file.
func (b *book) updateBill(merchant, key string, f func(*Bill) *Bill) (Bill, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bill := b.bills[merchant+"/"+key]
	if bill != nil {
		// f changes a copy: the bill in memory stays when the line cannot be written
		c := *bill
		bill = &c
	}
	bill = f(bill)
	if bill == nil {
		return Bill{}, nil
	}
	// the number of bills makes the id unique and ascending
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
	b.bills[bill.bookKey()] = bill
	return *bill, nil
}

// findBill returns the bill of a merchant with a key.
func (b *book) findBill(merchant, key string) (Bill, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bill := b.bills[merchant+"/"+key]; bill != nil {
		return *bill, true
	}
	return Bill{}, false
}

// listBills returns all bills, oldest first.
func (b *book) listBills() []Bill {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Bill, 0, len(b.bills))
	for _, bill := range b.bills {
		list = append(list, *bill)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].GatewayID < list[j].GatewayID })
	return list
}

// close closes the file of the book.
func (b *book) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.file.Close()
}
