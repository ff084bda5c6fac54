import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.mirror.MirrorClient;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;

/**
 * Kafka's own readers of MirrorMaker 2's topics, asked line by line: {@code <command> <bootstrap servers> [key=value...] [-- argument...]}.
 * Answers one line each: what was found, separated by blanks, or {@code !} and the exception.
 */
public class RemoteClusters {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.out.println("ready");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                System.out.println("= " + answer(Arrays.asList(line.trim().split(" +")).iterator()));
            } catch (Throwable fault) {
                System.out.println("! " + fault);
            }
        }
    }

    private static String answer(java.util.Iterator<String> words) throws Exception {
        String command = words.next();
        Map<String, Object> properties = new HashMap<>();
        properties.put("bootstrap.servers", words.next());
        String word = words.hasNext() ? words.next() : "--";
        for (; !word.equals("--"); word = words.next()) {
            String[] setting = word.split("=", 2);
            properties.put(setting[0], setting[1]);
        }
        switch (command) {
            case "upstreamClusters":
                return join(RemoteClusterUtils.upstreamClusters(properties));
            case "heartbeatTopics":
                return join(RemoteClusterUtils.heartbeatTopics(properties));
            case "checkpointTopics":
                return join(RemoteClusterUtils.checkpointTopics(properties));
            case "replicationHops":
                return String.valueOf(RemoteClusterUtils.replicationHops(properties, words.next()));
            case "remoteTopics":
                try (MirrorClient client = new MirrorClient(properties)) {
                    return join(words.hasNext() ? client.remoteTopics(words.next()) : client.remoteTopics());
                }
            case "translateOffsets":
                return offsets(RemoteClusterUtils.translateOffsets(properties, words.next(), words.next(), Duration.ofSeconds(20)));
            default:
                throw new IllegalArgumentException(command);
        }
    }

    private static String join(java.util.Collection<String> names) {
        return String.join(" ", new TreeSet<>(names));
    }

    private static String offsets(Map<TopicPartition, OffsetAndMetadata> found) {
        return found.entrySet().stream()
            .map(entry -> entry.getKey() + "=" + entry.getValue().offset())
            .sorted()
            .collect(Collectors.joining(" "));
    }
}
