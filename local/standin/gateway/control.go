package gateway

import (
	"encoding/json"
	"net/http"

	"fenzhang/shared/money"
)

// Report is the answer of /control/bills: all requested payments, and the sums that were paid and
// returned.
type Report struct {
	Bills    []Bill       `json:"bills"`
	Count    int          `json:"count"`
	Paid     money.Amount `json:"paid"`     // of bills in SUCCESS
	Returned money.Amount `json:"returned"` // of bills in RETURNED
}

// addControlRoutes adds the routes by which a demo or a test reads the bills and injects faults.
func (s *Server) addControlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSONAnswer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /control/bills", func(w http.ResponseWriter, _ *http.Request) {
		writeJSONAnswer(w, http.StatusOK, s.Report())
	})
	mux.HandleFunc("GET /control/bills/{no}/notice", s.showNotice)
	mux.HandleFunc("GET /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSONAnswer(w, http.StatusOK, map[string]any{"pending": s.faults.list()})
	})
	mux.HandleFunc("DELETE /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /control/faults", s.addFault)
	mux.HandleFunc("POST /control/return", s.returnBill)
}

// Report returns all bills and their sums.
func (s *Server) Report() Report {
	r := Report{Bills: s.book.listBills()}
	r.Count = len(r.Bills)
	for _, b := range r.Bills {
		switch b.State {
		case success:
			r.Paid = r.Paid.Add(b.Amount)
		case returned:
			r.Returned = r.Returned.Add(b.Amount)
		}
	}
	return r
}

// showNotice answers with the notice of a bill, freshly signed, as the gateway would send it now.
func (s *Server) showNotice(w http.ResponseWriter, r *http.Request) {
	for _, b := range s.book.listBills() {
		if b.Key != r.PathValue("no") {
			continue
		}
		header, body, err := s.notice(b, false)
		if err != nil {
			writeJSONAnswer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		// a JSON object with one value for each header is easier to use in a sample event
		flat := map[string]string{}
		for name := range header {
			flat[name] = header.Get(name)
		}
		writeJSONAnswer(w, http.StatusOK, map[string]any{"header": flat, "body": string(body)})
		return
	}
	writeJSONAnswer(w, http.StatusNotFound, map[string]string{"error": "no bill has this number"})
}

// addFault adds a fault for a later request.
func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var o faultOrder
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || !o.Fault.isKnown() ||
		(o.Key == "") == (o.Next <= 0) {
		writeJSONAnswer(w, http.StatusBadRequest,
			map[string]any{"error": "give a fault and either out_bill_no or next", "faults": allFaults})
		return
	}
	s.faults.add(o)
	w.WriteHeader(http.StatusNoContent)
}

// returnBill returns the payment of a paid bill.
func (s *Server) returnBill(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Key string `json:"out_bill_no"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		writeJSONAnswer(w, http.StatusBadRequest, map[string]string{"error": "give out_bill_no"})
		return
	}
	for _, b := range s.book.listBills() {
		if b.Key == ask.Key && b.State == success {
			s.returnPayment(b)
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	writeJSONAnswer(w, http.StatusConflict, map[string]string{"error": "no paid bill has this number"})
}

// writeJSONAnswer writes a JSON answer.
func writeJSONAnswer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}
