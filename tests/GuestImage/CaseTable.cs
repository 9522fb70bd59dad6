namespace Xenlet.GuestImage;

/// <summary>How the host has to run a case.</summary>
public enum CaseKind
{
    /// <summary>Runs beside others in one process, in a guest and on Linux alike.</summary>
    Shared,

    /// <summary>
    /// Runs beside others in one process, but what it claims holds in a guest only (no file system to write, one CPU, ...).
    /// </summary>
    GuestOnly,

    /// <summary>Needs a boot of its own: the host gives it input, arguments or a certain memory, or reads its output.</summary>
    Alone,

    /// <summary>Ends the process, by exit, exception or fault: nothing can run after it.</summary>
    Ending,
}

/// <summary>The name of one case of the guest test image, the group it runs with, and how it is to be run.</summary>
/// <param name="Name">The argument that selects the case.</param>
/// <param name="Subject">The group: the shared cases of one subject run in one boot, selected by <c>subject:NAME</c>.</param>
/// <param name="Kind">How the host has to run it.</param>
public readonly record struct CaseEntry(string Name, string Subject, CaseKind Kind);

/// <summary>
/// Every case there is. The image and the tests on the host compile this same file, so that a case without a test, or a test
/// without a case, does not go unnoticed: the image refuses to start when its code and this table differ.
/// </summary>
public static class CaseTable
{
    /// <summary>All cases, in the order in which the cases of a subject run.</summary>
    public static IReadOnlyList<CaseEntry> All { get; } =
    [
        .. Group("exceptions", CaseKind.Shared,
            "null-read", "null-write", "null-virtual-call", "null-array", "null-large-offset", "divide-by-zero-int", "divide-by-zero-long",
            "divide-overflow", "checked-overflow", "index-out-of-range", "span-out-of-range", "invalid-cast", "array-type-mismatch",
            "custom-exception",
            "filter-order", "finally-order", "nested-exceptions", "exception-in-finally", "rethrow-keeps-trace", "trace-names-methods",
            "across-async",
            "aggregate-exception", "fault-releases-lock", "throw-10000-times", "fault-10000-times", "throw-through-500-frames",
            "throw-on-thread",
            "type-initializer", "fault-keeps-locals"),
        .. Group("native", CaseKind.Shared,
            "delegate-to-native-pointer", "many-delegates-to-native", "unmanaged-callers-only", "exception-in-native-callback",
            "native-memory", "native-memory-of-threads", "fault-in-native-callback"),
        .. Group("collector", CaseKind.Shared,
            "allocate-many-times-memory", "large-objects", "large-object-fragmentation", "pinned-objects",
            "threads-allocate-while-one-collects", "weak-references",
            "conditional-weak-table", "finalizers-run", "finalizer-resurrects", "suppress-finalize", "collect-compacting", "total-memory",
            "array-pool", "linked-list-survives",
            "dependent-graph", "gc-handles", "no-gc-region"),
        .. Group("threads", CaseKind.Shared,
            "fifty-threads", "thread-statics", "thread-local", "thread-names", "thread-stack-size", "thread-exception-contained",
            "join-timeout", "background-threads",
            "thread-interrupt", "five-hundred-short-threads"),
        .. Group(
            "preemption",
            CaseKind.Shared,
            "spinners-and-collector",
            "spinner-without-call",
            "spinner-and-timer",
            "sse-state",
            "sse-state-in-faults",
            "rounding-of-each-thread"),
        .. Group("locks", CaseKind.Shared,
            "monitor-pulse", "monitor-pulse-all", "monitor-wait-timeout", "monitor-contention", "lock-class", "semaphore-slim",
            "reader-writer-lock", "barrier", "countdown-event",
            "manual-reset-event-slim", "auto-reset-event", "wait-any-all", "mutex", "mutex-abandoned", "spin-lock", "interlocked",
            "lazy-once", "concurrent-collections"),
        .. Group("timers", CaseKind.Shared,
            "sleep-lower-bound", "delay-lower-bound", "delay-order", "timer-periodic", "timer-change-dispose", "periodic-timer",
            "many-delays", "cancel-after",
            "stopwatch-monotonic", "tick-count", "wait-handle-timeout"),
        .. Group("tasks", CaseKind.Shared,
            "thread-pool-growth", "parallel-for", "parallel-for-each", "parallel-for-each-async", "parallel-linq", "channels",
            "channel-bounded", "async-streams", "async-local",
            "cancellation-token", "cancellation-timeout", "when-any", "when-all-errors", "task-continuations", "value-task-source",
            "wait-async-timeout", "unobserved-exception"),
        .. Group("system", CaseKind.Shared,
            "guid-new", "hash-code-seed", "utc-now", "environment-facts", "file-not-found", "process-start-fails", "culture-is-invariant",
            "time-zone-utc", "app-context", "runtime-information"),
        .. Group(
            "system",
            CaseKind.GuestOnly,
            "one-processor",
            "file-write-fails",
            "root-directory",
            "socket-fails",
            "udp-through-a-stack",
            "tcp-through-a-stack",
            "tcp-large-through-a-stack",
            "names-of-dns",
            "names-of-dns-by-a-second-server",
            "names-of-dns-without-a-server",
            "connect-by-name",
            "network-information",
            "network-change",
            "sockets-without-an-interface",
            "memory-limit-known"),
        .. Group("files", CaseKind.GuestOnly,
            "files-of-the-image", "files-cannot-be-changed", "files-of-proc", "tmp-full", "tmp-small-writes", "tmp-mapped",
            "watcher-of-image", "watcher-of-tmp"),
        .. Group("files", CaseKind.Alone, "ramdisk-files", "tmp-small-writes-of-count"),
        .. Group("sockets", CaseKind.Shared, "socket-table"),
        .. Group("cryptography", CaseKind.GuestOnly, "secure-random", "random-megabytes-let-others-run", "hmac-refused"),
        .. Group("cryptography", CaseKind.Shared, "digest-table"),
        .. Group("kernel", CaseKind.GuestOnly,
            "kernel-hypervisor", "kernel-statistics", "kernel-event-sent", "kernel-event-coalesces", "kernel-event-between-waits",
            "kernel-event-cancelled", "kernel-event-closed",
            "kernel-event-wait-twice", "kernel-event-many-ports", "kernel-event-errors", "kernel-event-2000", "kernel-event-flood",
            "kernel-event-ping-pong", "kernel-page",
            "kernel-page-errors", "kernel-page-collections", "kernel-page-reused-zeroed", "kernel-grant", "kernel-grant-600",
            "kernel-foreign-copy", "kernel-foreign-errors",
            "kernel-xenstore", "kernel-xenstore-adopted"),
        .. Group("walls", CaseKind.GuestOnly,
            "image-is-sealed", "nucleus-is-out-of-reach", "code-has-no-writable-alias", "stack-cookie-is-random",
            "addresses-are-random", "random-system-calls", "random-system-calls-with-a-stack"),
        .. Group("walls", CaseKind.Alone, "random-system-calls-of-seed"),
        .. Group("output", CaseKind.Shared, "console-utf8", "console-error", "console-large", "console-many-threads"),
        .. Group("host", CaseKind.Alone,
            "arguments", "environment", "read-lines", "read-characters", "wait-for-interrupt", "out-of-memory", "native-out-of-memory",
            "touch-memory", "clock", "sleep-then-exit",
            "xenstore"),
        .. Group("memory", CaseKind.Alone, "memory-accounts", "thread-pool-limit"),
        .. Group("xenbus", CaseKind.Alone, "xenbus"),
        .. Group("life", CaseKind.GuestOnly, "diagnostics-threads", "diagnostics-memory"),
        .. Group(
            "life",
            CaseKind.Alone,
            "terminate-main-in-readline",
            "terminate-handlers",
            "terminate-cancelled",
            "terminate-hung",
            "control",
            "suspend"),
        .. Group("network", CaseKind.Alone,
            "network", "network-echo", "net-server", "echo", "echo-plain", "echo-busy", "last-words", "peer", "flood", "interfaces"),
        .. Group("block", CaseKind.Alone, "block", "block-echo", "block-server", "server"),
        .. Group("filter", CaseKind.Alone, "net-filter"),
        .. Group("hostile", CaseKind.Alone, "hostile", "hostile-front"),
        .. Group("endings", CaseKind.Ending,
            "exit-return", "exit-call", "exit-from-thread", "exit-event", "exit-with-threads", "exit-negative", "unhandled-main",
            "unhandled-thread", "unhandled-async", "fail-fast",
            "stack-overflow-main", "stack-overflow-thread", "exhaust-managed-memory", "exhaust-all-memory", "wait-for-ever",
            "native-null-call", "write-constant", "write-code",
            "write-descriptor-table", "write-alias-of-code", "execute-heap", "execute-static"),
    ];

    private static IEnumerable<CaseEntry> Group(string subject, CaseKind kind, params string[] names) =>
        names.Select(name => new CaseEntry(name, subject, kind));
}
