// Package pack makes, signs, hands in and moves policy packs:
//
//	fenzhang pack keygen FILE                            a new SM2 key; prints the public key for the stack's parameter
//	fenzhang pack describe [-with DIR]... DIR            check a pack and print its manifest, unsigned
//	fenzhang pack sign -key FILE [-state S] [-with DIR]... DIR   check it and write DIR/manifest.json, signed
//	fenzhang pack upload DIR                             copy a signed pack into the rules bucket and wait for the answer
//	fenzhang pack shadow|activate|draft|revoke PACK VERSION   move a stored version
//	fenzhang pack rollback PACK [VERSION]                back to the version that was active before (or "embedded")
//	fenzhang pack status [PACK]                          the state of the packs, and what was refused
//
// The last four speak to AWS and read AWS_REGION, AWS_ENDPOINT_URL, the keys of the account,
// STACK_NAME and RULES_BUCKET from the environment; `make rules-...` sets them for the local stack.
package pack

import (
	"context"
	"errors"
	"flag"
	"io"
)

// Command does what the words after pack name.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	return func(ctx context.Context, out io.Writer) (bool, error) {
		err := run(ctx, flags.Args(), out)
		return err == nil, err
	}
}

// command is one word of the command line with what may follow.
type command struct {
	least, most int // arguments
	do          func(ctx context.Context, args []string, out io.Writer) error
}

func commands() map[string]command {
	all := map[string]command{
		"keygen":   {1, 1, keygen},
		"describe": {1, 9, describe},
		"sign":     {1, 12, sign},
		"upload":   {1, 1, upload},
		"rollback": {1, 2, move("rollback")},
		"status":   {0, 1, status},
	}
	for _, job := range []string{"shadow", "activate", "draft", "revoke"} {
		all[job] = command{2, 2, move(job)}
	}
	return all
}

var errUsage = errors.New(
	"usage: fenzhang pack keygen FILE | describe [-with DIR]... DIR | sign -key FILE [-state " +
		"draft|shadow|active] [-with DIR]... DIR | upload DIR | shadow|activate|draft|revoke PACK " +
		"VERSION | rollback PACK [VERSION] | status [PACK]")

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	c, ok := commands()[args[0]]
	if rest := args[1:]; ok && len(rest) >= c.least && len(rest) <= c.most {
		return c.do(ctx, rest, out)
	}
	return errUsage
}
