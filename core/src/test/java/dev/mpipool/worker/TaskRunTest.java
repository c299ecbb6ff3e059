package dev.mpipool.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.testing.Huge;
import dev.mpipool.wire.Body;
import dev.mpipool.wire.Entry;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.Envelope;
import dev.mpipool.wire.FailureReport;
import dev.mpipool.wire.JavaSerializer;
import dev.mpipool.wire.LeanSerializer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskRunTest {

  private record Answering(String code) implements Envelope {
    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() {
      return List.of(code.replace('?', 'h'));
    }
  }

  @Test
  void aResultThatIsTooLongForAMessageIsAFailureThatSaysSo(@TempDir Path folder) throws Exception {
    LeanSerializer serializer =
        LeanSerializer.with(
            new Huge(new JavaSerializer(getClass().getClassLoader()), folder),
            getClass().getClassLoader());
    Tools tools = new Tools(serializer, null);
    Entry answer =
        TaskRun.ofCall(7, Body.of(tools.codec().encodeWhole(new Answering("?uge"))), tools).run();
    assertThat(answer.kind()).isEqualTo(EntryKind.FAILURE);
    FailureReport report = FailureReport.decode(answer.body());
    assertThat(report.origin()).isEqualTo(FailureReport.Origin.WRITING_RESULT);
    assertThat(report.message()).contains(" are the most");
  }
}
