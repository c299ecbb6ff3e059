package dev.mpipool.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.testing.Huge;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskRunTest {

  private record Answering(String code) implements TaskCall {
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
    WorkerContext context = new WorkerContext(serializer, null);
    Entry answer =
        TaskRun.ofCall(7, Payload.of(context.codec().encodeWhole(new Answering("?uge"))), context)
            .run();
    assertThat(answer.kind()).isEqualTo(EntryKind.FAILURE);
    FailureReport report = FailureReport.decode(answer.bytes());
    assertThat(report.origin()).isEqualTo(FailureReport.Origin.WRITING_RESULT);
    assertThat(report.message()).contains(" are the most");
  }
}
