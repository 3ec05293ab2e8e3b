// Command bridge lets containers on this machine reach the stack. The stack listens only on the
// loopback address, which containers cannot reach; the bridge listens on the address of this
// machine in Docker's network and forwards every connection to the stack.
//
//	bridge -listen 172.17.0.1 -to 127.0.0.1 -ports 4566,4567,4568
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runBridge(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		os.Exit(1)
	}
}

// runBridge forwards the ports of the flags until ctx ends.
func runBridge(ctx context.Context) error {
	listen := flag.String("listen", "", "address that containers know")
	to := flag.String("to", "127.0.0.1", "address of the stack")
	ports := flag.String("ports", "", "ports to pass on, joined by commas")
	flag.Parse()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, port := range strings.Split(*ports, ",") {
		var c net.ListenConfig
		l, err := c.Listen(ctx, "tcp", net.JoinHostPort(*listen, port))
		if err != nil {
			return err
		}
		go func() { cancel(forward(ctx, l, net.JoinHostPort(*to, port))) }()
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// forward forwards each connection of a listener to an address until ctx ends.
func forward(ctx context.Context, l net.Listener, to string) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // closing the listener ends Accept
	defer stop()
	for {
		in, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go forwardConnection(ctx, in, to)
	}
}

// forwardConnection copies bytes in both directions until both sides have closed the connection.
func forwardConnection(ctx context.Context, in net.Conn, to string) {
	var d net.Dialer
	out, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		_ = in.Close() // the caller gets a closed connection
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // both ends notice a broken connection
			if half, ok := way[0].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
	_ = in.Close()
	_ = out.Close()
}
