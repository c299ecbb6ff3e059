package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.serial.ForySerializer;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Items whose arguments have objects in common, in chunks that are divided. */
class ChunkTest {

  private static final ClassLoader LOADER = ChunkTest.class.getClassLoader();

  static final class Whole implements Serializable {
    private static final long serialVersionUID = 1;
    final Object part;

    Whole(Object part) {
      this.part = part;
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
      in.defaultReadObject();
      if ("unreadable".equals(part)) {
        throw new IOException("will not be read");
      }
    }
  }

  private record Same() implements ItemFunction {
    @Override
    public Object code() {
      return this;
    }

    @Override
    public int arity() {
      return 3;
    }

    @Override
    public Object call(Object a, Object b, Object c) {
      return ((Whole) b).part == a ? c : "two";
    }
  }

  private static final Chunk.Continuation TO_THE_END =
      new Chunk.Continuation() {
        @Override
        public boolean wanted() {
          return true;
        }

        @Override
        public boolean recalled() {
          return false;
        }
      };

  static Stream<LeanSerializer> serializers() {
    return Stream.of(
        new LeanSerializer(new JavaSerializer(LOADER)),
        LeanSerializer.with(new ForySerializer(), LOADER));
  }

  private static List<Object> outcomes(ByteBuffer chunk, LeanSerializer serializer)
      throws Exception {
    return outcomes(chunk, serializer, 64);
  }

  private static List<Object> outcomes(ByteBuffer chunk, LeanSerializer serializer, int room)
      throws Exception {
    int count = Chunk.count(chunk);
    ByteBuffer answer = Chunk.run(chunk, new Same(), serializer, TO_THE_END, room);
    answer.getLong();
    List<Object> outcomes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int outcome = answer.get();
      if (outcome == Chunk.RESULT) {
        outcomes.add(serializer.read(answer));
      } else {
        ByteBuffer report = answer.slice(answer.position() + Integer.BYTES, answer.getInt());
        answer.position(answer.position() + report.remaining());
        outcomes.add(FailureReport.decode(report).origin());
      }
    }
    return outcomes;
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void partsOfOneItemStayTogetherHoweverAChunkIsDivided(LeanSerializer serializer)
      throws Exception {
    Chunk chunk = new Chunk(1, serializer, 16);
    List<Object> expected = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      Object part = i % 3 == 0 ? new Whole(1) : i % 3 == 1 ? new int[] {i} : List.of(i);
      chunk.add(new Object[] {part, new Whole(part), i % 2 == 0 ? i : part.getClass().getName()});
      expected.add(i % 2 == 0 ? i : part.getClass().getName());
    }
    List<Object> outcomes = new ArrayList<>();
    for (ByteBuffer piece : Chunk.divide(chunk.toBuffer(), 0, 3, 5)) {
      outcomes.addAll(outcomes(piece, serializer));
    }
    assertThat(outcomes).isEqualTo(expected);
    assertThat(outcomes(Chunk.divide(chunk.toBuffer(), 4, 3, 1).get(0), serializer))
        .isEqualTo(expected.subList(4, 12));
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void anItemThatCannotBeReadFailsAlone(LeanSerializer serializer) throws Exception {
    Whole good = new Whole(2);
    Whole bad = new Whole("unreadable");
    Chunk chunk = new Chunk(1, serializer, 16);
    chunk.add(new Object[] {good, new Whole(good), 1});
    chunk.add(new Object[] {bad, new Whole(bad), new int[1]});
    chunk.add(new Object[] {good, new Whole(good), 3});
    assertThat(outcomes(chunk.toBuffer(), serializer))
        .containsExactly(1, FailureReport.Origin.READING_TASK, 3);
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void whereThereIsNoMemoryForTheRoomOfTheLastAnswerAShortOneHasEnough(LeanSerializer serializer)
      throws Exception {
    Whole whole = new Whole(2);
    Chunk chunk = new Chunk(1, serializer, 16);
    chunk.add(new Object[] {whole, new Whole(whole), 1});
    assertThat(outcomes(chunk.toBuffer(), serializer, Integer.MAX_VALUE)).containsExactly(1);
  }
}
