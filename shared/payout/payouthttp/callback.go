// Package payouthttp is the route by which payment gateways tell what became of a payment.
package payouthttp

import (
	"context"
	"net/http"

	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/payout"
)

// NoticeHandler takes a gateway's message.
type NoticeHandler interface {
	HandleNotice(ctx context.Context, method payout.Method, headers map[string]string, body []byte) error
}

// Acknowledgement is the body by which the gateways know that their message was taken; whatever
// else is answered, they send it again.
type Acknowledgement struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// CallbackRoute is the open route for notices: no token, the signature tells who speaks.
func CallbackRoute(l NoticeHandler) httpapi.Route {
	return httpapi.Route{Method: http.MethodPost, Path: "/v1/payouts/callbacks/{gateway}", Open: true,
		Handle: func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
			if err := l.HandleNotice(ctx, payout.Method(r.Params["gateway"]), r.Header, r.Body); err != nil {
				return httpapi.Response{}, err
			}
			return httpapi.OK(Acknowledgement{Code: "SUCCESS", Message: "ok"}), nil
		}}
}
