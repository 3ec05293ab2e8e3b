// Package pack makes, signs and uploads policy packs, and moves them between states:
//
//	fenzhang pack keygen FILE
//	    make a new SM2 key and print its public key, the stack's parameter
//	fenzhang pack describe [-with DIR]... DIR
//	    check a pack and print its manifest, unsigned
//	fenzhang pack sign -key FILE [-state S] [-with DIR]... DIR
//	    check a pack and write DIR/manifest.json, signed
//	fenzhang pack upload DIR
//	    copy a signed pack into the rules bucket and wait for the answer
//	fenzhang pack shadow|activate|draft|revoke PACK VERSION
//	    move a stored version to another state
//	fenzhang pack rollback PACK [VERSION]
//	    return to the version that was active before, or to "embedded"
//	fenzhang pack status [PACK]
//	    show the state of the packs, and which uploads were refused
//
// The last four call AWS and read AWS_REGION, AWS_ENDPOINT_URL, the keys of the account,
// STACK_NAME and RULES_BUCKET from the environment; `make rules-...` sets them for the local stack.
package pack

import (
	"context"
	"errors"
	"flag"
	"io"
)

// Command returns the function that runs the pack command which the arguments name.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	return func(ctx context.Context, out io.Writer) (bool, error) {
		err := runCommand(ctx, flags.Args(), out)
		return err == nil, err
	}
}

// command is one pack command with the number of arguments that it takes.
type command struct {
	least, most int // least and greatest number of arguments
	do          func(ctx context.Context, args []string, out io.Writer) error
}

// commands lists the pack commands by name.
func commands() map[string]command {
	all := map[string]command{
		"keygen":   {1, 1, generateKey},
		"describe": {1, 9, describePack},
		"sign":     {1, 12, signPack},
		"upload":   {1, 1, uploadPack},
		"rollback": {1, 2, moveVersion("rollback")},
		"status":   {0, 1, printStatus},
	}
	for _, job := range []string{"shadow", "activate", "draft", "revoke"} {
		all[job] = command{2, 2, moveVersion(job)}
	}
	return all
}

var errUsage = errors.New(
	"usage: fenzhang pack keygen FILE | describe [-with DIR]... DIR | sign -key FILE [-state " +
		"draft|shadow|active] [-with DIR]... DIR | upload DIR | shadow|activate|draft|revoke PACK " +
		"VERSION | rollback PACK [VERSION] | status [PACK]")

// runCommand runs the command that the first argument names, when the number of its arguments is
// right.
func runCommand(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	c, ok := commands()[args[0]]
	if rest := args[1:]; ok && len(rest) >= c.least && len(rest) <= c.most {
		return c.do(ctx, rest, out)
	}
	return errUsage
}
