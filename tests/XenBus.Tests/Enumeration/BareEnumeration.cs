using System.Collections.Concurrent;

namespace Xenlet.XenBus.Tests;

/// <summary>A front bus's enumeration over a host's store, without a bus: the test says which devices are known.</summary>
internal sealed class BareEnumeration : IKnownDevices
{
    private readonly BusEnumeration _enumeration;

    public BareEnumeration(Host host)
    {
        XenStoreRing.XenStoreClient store = host.GuestStore;
        FailureReports failures = new(Layout.Node, Report);
        OtherEndReader otherEnds = new(store, Layout);
        StaleDevices stale = new(store, Layout, TimeProvider.System, () => IsFirst, Report, CancellationToken.None);
        NodeExaminer examiner = new(store, otherEnds, stale, Skipped);
        _enumeration = new(this, new(store, Layout, failures), examiner, Skipped, failures);
    }

    /// <summary>The bus's layout in the store.</summary>
    public static BusLayout Layout { get; } = new("device", 1, "backend", "backend-id");

    /// <summary>The devices that the bus would know.</summary>
    public List<KnownDevice> Known { get; } = [];

    /// <summary>The nodes that are no devices.</summary>
    public SkippedNodes Skipped { get; } = new();

    /// <summary>The reports.</summary>
    public ConcurrentQueue<string> Reports { get; } = new();

    /// <summary>Whether a device in use counts as left in use by an earlier program.</summary>
    public bool IsFirst { get; init; }

    public IKnownDevice? Find(string node) => Known.Find(device => device.Node == node);

    public IReadOnlyCollection<IKnownDevice> All() => Known;

    /// <summary>Examines all at or below a path.</summary>
    public Task<EnumerationResult> ExamineScopeAsync(string scope, bool notify = false)
    {
        ExaminationRequest request = new();
        request.Scopes[scope] = notify;
        return _enumeration.RunAsync(request);
    }

    /// <summary>Examines one node.</summary>
    public Task<EnumerationResult> ExamineNodeAsync(string node, params string[] changes)
    {
        ExaminationRequest request = new();
        request.Nodes[node] = [.. changes];
        return _enumeration.RunAsync(request);
    }

    private void Report(string path, string text) => Reports.Enqueue($"{path} | {text}");
}

/// <summary>A device whose answer about its node is the test's.</summary>
internal sealed class KnownDevice(string name) : IKnownDevice
{
    public string Node { get; } = "device/" + name;

    public OtherEnd OtherEnd { get; init; } = new(0, Host.BackEnd(name));

    /// <summary>What the device's node is.</summary>
    public NodeCheck Check { get; init; }

    /// <summary>How often that was asked.</summary>
    public int Checks { get; private set; }

    public ValueTask<NodeCheck> CheckNodeAsync()
    {
        Checks++;
        return new(Check);
    }
}
