package dev.mpipool.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What receives and messages of many communicators leave behind. */
@Timeout(120)
class MatcherTest {

  private final Matcher matcher = new Matcher();

  private static RecvRequest receive(int context) {
    return new RecvRequest(null, null, null, 0, 1, context, null, false);
  }

  private static UnexpectedMessage message(int context) {
    return new UnexpectedMessage(
        new Envelope(0, 1, context, 0, 0, 0, 0), null, Frame.EAGER, 0, null);
  }

  private void pass(int context) {
    RecvRequest receive = receive(context);
    assertThat(matcher.post(receive)).isNull();
    assertThat(matcher.arrive(message(context))).isSameAs(receive);
  }

  private static long usedBytes() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  @Test
  void communicatorsThatAreGoneHoldNoMemory() {
    pass(0);
    long before = usedBytes();
    for (int context = 1; context <= 200_000; context++) {
      pass(context);
    }
    assertThat(usedBytes() - before).isLessThan(10_000_000);
    pass(0);
  }

  @Test
  void whatWaitsIsKeptWhateverComesInBetween() {
    List<UnexpectedMessage> messages = new ArrayList<>();
    List<RecvRequest> receives = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      UnexpectedMessage message = message(2 * i);
      messages.add(message);
      assertThat(matcher.arrive(message)).isNull();
      RecvRequest receive = receive(2 * i + 1);
      receives.add(receive);
      assertThat(matcher.post(receive)).isNull();
      pass(1_000_000 + i);
      pass(2_000_000 + i);
    }
    for (int i = 0; i < 1_000; i++) {
      assertThat(matcher.poll(receive(2 * i))).isSameAs(messages.get(i));
      assertThat(matcher.arrive(message(2 * i + 1))).isSameAs(receives.get(i));
    }
  }
}
