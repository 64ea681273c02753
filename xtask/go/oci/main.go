// The libraries of cosign and oras as a program: they write beside an image, and say what they find there.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v3/pkg/oci/mutate"
	cosign "github.com/sigstore/cosign/v3/pkg/oci/remote"
	"github.com/sigstore/cosign/v3/pkg/oci/static"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"
)

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// attachTags puts an attestation and a signature under cosign's tags.
func attachTags(image name.Digest, attestation, signed string) {
	entity := must(cosign.SignedEntity(image))
	att := must(static.NewAttestation(must(os.ReadFile(attestation))))
	sig := must(static.NewSignature(must(os.ReadFile(signed)), "MEUCIQ=="))
	entity = must(mutate.AttachAttestationToEntity(entity, att))
	entity = must(mutate.AttachSignatureToEntity(entity, sig))
	check(cosign.WriteAttestations(image.Context(), entity))
	check(cosign.WriteSignatures(image.Context(), entity))
}

// list prints what cosign finds: referrers, and the digests of attestations under its tag.
func list(image name.Digest) {
	for _, found := range must(cosign.Referrers(image, "")).Manifests {
		fmt.Println("referrer", found.Digest, found.ArtifactType)
	}
	attestations := must(must(cosign.SignedEntity(image)).Attestations())
	for _, attestation := range must(attestations.Get()) {
		fmt.Printf("attestation sha256:%x\n", sha256.Sum256(must(attestation.Payload())))
	}
}

func orasRepository(repository string) *remote.Repository {
	opened := must(remote.NewRepository(repository))
	opened.PlainHTTP = true
	return opened
}

// orasList prints what oras finds.
func orasList(repository, digest string) {
	context := context.Background()
	opened := orasRepository(repository)
	subject := must(opened.Resolve(context, digest))
	check(opened.Referrers(context, subject, "", func(page []ocispec.Descriptor) error {
		for _, found := range page {
			fmt.Println("referrer", found.Digest, found.ArtifactType)
		}
		return nil
	}))
}

// orasPull writes the files of an artifact into a folder.
func orasPull(repository, digest, folder string) {
	store := must(file.New(folder))
	defer store.Close()
	must(oras.Copy(context.Background(), orasRepository(repository), digest, store, "", oras.DefaultCopyOptions))
}

func main() {
	words := os.Args[1:]
	repository, digest := words[1], words[2]
	image := must(name.NewDigest(repository + "@" + digest))
	switch words[0] {
	case "attach-tags":
		attachTags(image, words[3], words[4])
	case "attach-bundle":
		check(cosign.WriteAttestationNewBundleFormat(image, must(os.ReadFile(words[3])), words[4]))
	case "list":
		list(image)
	case "oras-list":
		orasList(repository, digest)
	case "oras-pull":
		orasPull(repository, digest, words[3])
	default:
		log.Fatal("unknown: ", words[0])
	}
}
