package gateway

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Run is the main function of a simulated gateway: it reads the flags and serves requests until it
// is interrupted.
func Run(name string, open func(KeyFile, Options) (*Server, error)) error {
	o := DefaultOptions()
	o.Log = slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("standin", name)
	addr := flag.String("addr", "127.0.0.1:0", "loopback address to listen on")
	keyPath := flag.String("keys", "", "key file made by local/standin/keys")
	flag.StringVar(&o.State, "state", "", "folder in which bills are kept")
	flag.StringVar(&o.NotifyURL, "notify", "", "address for notices; empty: the one in the request")
	flag.DurationVar(&o.Settle, "settle", o.Settle, "time from acceptance to success or failure")
	flag.DurationVar(&o.Return, "return", o.Return, "time from success to a late return")
	control := flag.String("control", "on",
		"on or off: routes under /control to look in and to make trouble")
	flag.Parse()
	// without keys no signature can be verified, without a folder no bill survives
	if *keyPath == "" || o.State == "" {
		return errors.New("-keys and -state are needed")
	}
	keys, err := ReadKeys(*keyPath)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := listenOnLoopback(ctx, *addr)
	if err != nil {
		return err
	}
	s, err := open(keys, o)
	if err != nil {
		return err
	}
	o.Log.Info("listening", "addr", listener.Addr().String())
	return errors.Join(serveUntilStopped(ctx, listener, hideControlRoutes(s, *control != "off")),
		s.Close())
}

// listenOnLoopback listens on a loopback address. Any other address is refused, because the
// control routes have no authentication.
func listenOnLoopback(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("-addr %s: a stand-in listens on loopback only", addr)
	}
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", addr)
}

// hideControlRoutes answers 404 for the control routes unless they are switched on.
func hideControlRoutes(h http.Handler, control bool) http.Handler {
	if control {
		return h
	}
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle("/control/", http.NotFoundHandler())
	return mux
}

// serveUntilStopped serves requests until ctx ends.
func serveUntilStopped(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		wait, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = srv.Shutdown(wait) // a request that is left unanswered ends with the process
		return nil
	}
}
