// The library of cosign as a program: it writes beside an image, and says what it finds there.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sigstore/cosign/v3/pkg/oci/mutate"
	cosign "github.com/sigstore/cosign/v3/pkg/oci/remote"
	"github.com/sigstore/cosign/v3/pkg/oci/static"
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
	default:
		log.Fatal("unknown: ", words[0])
	}
}
