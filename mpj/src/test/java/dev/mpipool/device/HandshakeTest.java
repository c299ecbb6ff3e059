package dev.mpipool.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HandshakeTest {

  @Test
  void aProofIsGoodForOneConversationInOneDirection() {
    byte[] key = {1};
    byte[] a = Handshake.nonce();
    byte[] b = Handshake.nonce();
    byte[] proof = Handshake.callersProof(key, 1, 2, a, b);
    assertThat(proof)
        .isEqualTo(Handshake.callersProof(key, 1, 2, a, b))
        .isNotEqualTo(Handshake.callersProof(key, 2, 1, a, b))
        .isNotEqualTo(Handshake.callersProof(key, 1, 2, b, a))
        .isNotEqualTo(Handshake.callersProof(new byte[] {2}, 1, 2, a, b))
        .isNotEqualTo(Handshake.calledProof(key, Handshake.WELCOME, 1, 2, a, b));
    assertThat(Handshake.calledProof(key, Handshake.WELCOME, 1, 2, a, b))
        .isNotEqualTo(Handshake.calledProof(key, Handshake.BUSY, 1, 2, a, b));
  }
}
