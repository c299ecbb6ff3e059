package dev.mpipool.link;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.function.IntPredicate;

/**
 * How a rank and the launcher convince each other that both know the secret of the job, which
 * itself never travels.
 *
 * <pre>
 *   rank                                                launcher
 *     | magic (int) | rank (int) | rank's nonce (32)  --&gt;  |
 *     | &lt;-- launcher's nonce (32) | proof "launcher" (32)   |
 *     | proof "rank" (32)                             --&gt;  |
 *     | &lt;-- welcome (1)                                     |
 * </pre>
 *
 * A proof is the HMAC-SHA256, keyed with the secret, of the name of the side that proves, the rank
 * and both nonces: a proof of one side is worthless to the other, and on any other connection.
 */
public final class LinkHandshake {
  /** The system property that carries the secret, in hexadecimal, inside a rank. */
  public static final String SECRET_PROPERTY = "mpipool.secret";

  /** The environment variable that brings the secret to a rank on the launcher's own host. */
  public static final String SECRET_VARIABLE = "MPIPOOL_SECRET";

  private static final int MAGIC = 0x4d50_4c31;
  private static final int WELCOME = 1;
  private static final int SIZE = 32;
  private static final SecureRandom RANDOM = new SecureRandom();

  private LinkHandshake() {}

  /**
   * Makes the secret of a new job.
   *
   * @return 32 random bytes
   */
  public static byte[] newSecret() {
    byte[] secret = new byte[SIZE];
    RANDOM.nextBytes(secret);
    return secret;
  }

  /**
   * The rank's side.
   *
   * @param in from the launcher
   * @param out to the launcher
   * @param rank the rank that this process is
   * @param secret the secret of the job
   * @throws java.io.EOFException if the other side hung up, for example because it had too many
   *     strangers at once or too little time; worth another try
   * @throws IOException if it does not know the secret, or speaks another language
   */
  public static void asRank(DataInputStream in, DataOutputStream out, int rank, byte[] secret)
      throws IOException {
    byte[] mine = newSecret();
    out.writeInt(MAGIC);
    out.writeInt(rank);
    out.write(mine);
    out.flush();
    byte[] theirs = new byte[SIZE];
    byte[] proof = new byte[SIZE];
    in.readFully(theirs);
    in.readFully(proof);
    if (!MessageDigest.isEqual(proof, proof("launcher", rank, mine, theirs, secret))) {
      throw new IOException("what listens there is not the launcher of this job");
    }
    out.write(proof("rank", rank, mine, theirs, secret));
    out.flush();
    if (in.readByte() != WELCOME) {
      throw new IOException("the launcher does not accept rank " + rank);
    }
  }

  /**
   * The launcher's side.
   *
   * @param in from the process that connected
   * @param out to the process that connected
   * @param secret the secret of the job
   * @param accepted asked, once the other side has proved itself, whether its rank is still
   *     expected
   * @return the rank
   * @throws IOException if the other side does not know the secret, speaks another language, or
   *     went away
   */
  public static int asLauncher(
      DataInputStream in, DataOutputStream out, byte[] secret, IntPredicate accepted)
      throws IOException {
    if (in.readInt() != MAGIC) {
      throw new IOException("not a rank");
    }
    int rank = in.readInt();
    byte[] theirs = new byte[SIZE];
    in.readFully(theirs);
    byte[] mine = newSecret();
    out.write(mine);
    out.write(proof("launcher", rank, theirs, mine, secret));
    out.flush();
    byte[] proof = new byte[SIZE];
    in.readFully(proof);
    if (!MessageDigest.isEqual(proof, proof("rank", rank, theirs, mine, secret))
        || !accepted.test(rank)) {
      throw new IOException("refused");
    }
    out.write(WELCOME);
    out.flush();
    return rank;
  }

  private static byte[] proof(
      String side, int rank, byte[] ofRank, byte[] ofLauncher, byte[] secret) {
    byte[] head = (side + " " + rank + " ").getBytes(UTF_8);
    ByteBuffer text = ByteBuffer.allocate(head.length + 2 * SIZE);
    text.put(head).put(ofRank).put(ofLauncher);
    return Hmac.sha256(secret, text.array());
  }
}
