package gateway

import (
	"encoding/json"
	"net/http"

	"fenzhang/shared/money"
)

// Report is what /control/bills answers: every payment asked for, and the money that left and came
// back.
type Report struct {
	Bills    []Bill       `json:"bills"`
	Count    int          `json:"count"`
	Paid     money.Amount `json:"paid"`     // of bills in SUCCESS
	Returned money.Amount `json:"returned"` // of bills in RETURNED
}

// control adds the routes by which a demo or a test looks in and makes trouble.
func (s *Server) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /control/bills", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.Report())
	})
	mux.HandleFunc("GET /control/bills/{no}/notice", s.showNotice)
	mux.HandleFunc("GET /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"pending": s.faults.list()})
	})
	mux.HandleFunc("DELETE /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /control/faults", s.addFault)
	mux.HandleFunc("POST /control/return", s.returnBill)
}

// Report lists all bills.
func (s *Server) Report() Report {
	r := Report{Bills: s.book.all()}
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

// showNotice makes the notice of a bill, signed anew, as the gateway would send it now.
func (s *Server) showNotice(w http.ResponseWriter, r *http.Request) {
	for _, b := range s.book.all() {
		if b.Key != r.PathValue("no") {
			continue
		}
		header, body, err := s.notice(b, false)
		if err != nil {
			reply(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		flat := map[string]string{}
		for name := range header {
			flat[name] = header.Get(name)
		}
		reply(w, http.StatusOK, map[string]any{"header": flat, "body": string(body)})
		return
	}
	reply(w, http.StatusNotFound, map[string]string{"error": "no bill has this number"})
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var o faultOrder
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || !o.Fault.known() ||
		(o.Key == "") == (o.Next <= 0) {
		reply(w, http.StatusBadRequest,
			map[string]any{"error": "give a fault and either out_bill_no or next", "faults": allFaults})
		return
	}
	s.faults.add(o)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) returnBill(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Key string `json:"out_bill_no"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "give out_bill_no"})
		return
	}
	for _, b := range s.book.all() {
		if b.Key == ask.Key && b.State == success {
			s.giveBack(b)
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	reply(w, http.StatusConflict, map[string]string{"error": "no paid bill has this number"})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone; there is nobody to tell
}
