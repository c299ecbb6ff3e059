package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Values whose bytes are few for what they stand for, and lengths that bytes do not bear out. */
@Timeout(60)
class CompactTest {

  private static final ClassLoader LOADER = CompactTest.class.getClassLoader();

  private static final JavaSerializer JAVA = new JavaSerializer(LOADER);

  private static final LeanSerializer LEAN = new LeanSerializer(JAVA);

  /** Writes what is not zero, and makes the whole when it is read. */
  static final class Sparse implements Serializable {
    private static final long serialVersionUID = 1;
    private transient double[] values;

    Sparse(int length) {
      values = new double[length];
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
      out.defaultWriteObject();
      out.writeInt(values.length);
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
      in.defaultReadObject();
      values = new double[in.readInt()];
    }
  }

  private static Object travelled(Object value) throws Exception {
    return LEAN.decode(LEAN.encode(value));
  }

  @Test
  void copiesOfOneElementTravelHoweverMany() throws Exception {
    for (int count : new int[] {0, 1, 2_768, 2_769, 1_000_000, Integer.MAX_VALUE}) {
      List<Double> copies = Collections.nCopies(count, 0.0);
      assertThat((List<?>) travelled(copies)).hasSize(count);
      assertThat((List<?>) ((Map<?, ?>) travelled(new HashMap<>(Map.of(1, copies)))).get(1))
          .hasSize(count);
    }
    List<List<Integer>> grid = Collections.nCopies(100_000, Collections.nCopies(100_000, 7));
    List<?> read = (List<?>) travelled(grid);
    assertThat(read).hasSize(100_000);
    assertThat((List<?>) read.get(99_999)).hasSize(100_000).first().isEqualTo(7);
    int[] array = new int[50_000];
    assertThat((int[]) ((List<?>) travelled(Collections.nCopies(9, array))).get(8)).hasSize(50_000);
  }

  @Test
  @SuppressWarnings("JdkObsolete") // old collections travel, too
  void whatElseIsCompactTravels() throws Exception {
    BitSet bits = new BitSet();
    bits.set(1_000_000);
    assertThat(travelled(bits)).isEqualTo(bits);
    assertThat(((Sparse) travelled(new Sparse(1_000_000))).values).hasSize(1_000_000);
    List<Object> roomy =
        List.of(
            new HashMap<>(1 << 20),
            new HashSet<>(1 << 20),
            new ArrayList<>(1 << 20),
            new TreeMap<>());
    for (Object each : roomy) {
      assertThat(travelled(each)).isEqualTo(each);
    }
    assertThat((ArrayDeque<?>) travelled(new ArrayDeque<>(1 << 20))).isEmpty();
    assertThat((PriorityQueue<?>) travelled(new PriorityQueue<>(1 << 20))).isEmpty();
    assertThat((Map<?, ?>) travelled(new IdentityHashMap<>(1 << 20))).isEmpty();
    assertThat((List<?>) travelled(Arrays.asList(new Object[100_000]))).hasSize(100_000);
  }

  /** The bytes of a value with another length in them. */
  private static ByteBuffer damaged(Object value, int length, int instead) throws IOException {
    ByteBuffer bytes = JAVA.encode(value);
    int found = 0;
    for (int i = 0; i + Integer.BYTES <= bytes.limit(); i++) {
      if (bytes.getInt(i) == length) {
        bytes.putInt(i, instead);
        found++;
      }
    }
    assertThat(found).isPositive();
    return bytes;
  }

  @Test
  void lengthsThatBytesDoNotBearOutAreStillRefused() throws Exception {
    List<Object> values =
        List.of(
            new int[4711],
            new Object[4711],
            new HashMap<>(Map.of(1, new double[4711])),
            new ArrayList<>(Collections.nCopies(4711, 1)),
            Collections.nCopies(2, new long[4711]),
            new ArrayDeque<>(Collections.nCopies(4711, 1)));
    for (Object value : values) {
      assertThatThrownBy(() -> JAVA.decode(damaged(value, 4711, 1 << 28)))
          .as(value.getClass().getName())
          .isInstanceOf(IOException.class)
          .hasMessageContaining("was rejected by the length of its bytes");
    }
  }

  @Test
  void limitsOfAFilterHoldForCopies() throws Exception {
    ClassFilter filter = new ClassFilter(ObjectInputFilter.Config.createFilter("maxarray=1000"));
    JavaSerializer limited = new JavaSerializer(LOADER, filter);
    assertThatThrownBy(() -> limited.decode(JAVA.encode(Collections.nCopies(100_000, 1))))
        .hasMessageContaining("was rejected by the filter of this pool");
  }
}
