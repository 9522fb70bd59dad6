using System.Globalization;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Tests;

/// <summary>What dom0 does in xenstore, by calls that block their thread and need no other.</summary>
internal sealed class ToolStack(RawStore store) : IDisposable
{
    private const string Home = ControlHost.Home;

    public static string BackEnd(string device) => $"/local/domain/0/backend/{device.Replace("/", "/1/", StringComparison.Ordinal)}";

    public static string FrontEnd(string device) => $"{Home}/device/{device}";

    public string? Read(string path) => store.Request(XsType.Read, path + "\0") is { Type: XsType.Read } reply ? reply.Text : null;

    public void Write(string path, string value) => store.Expect(XsType.Write, $"{path}\0{value}");

    public uint ReadNumber(string path) => uint.Parse(Read(path)!, CultureInfo.InvariantCulture);

    public void SetState(string end, XenBusState state) => Write(end + "/state", ((int)state).ToString(CultureInfo.InvariantCulture));

    public XenBusState StateOf(string end) => XenBusStates.Parse(Read(end + "/state"));

    /// <summary>The nodes that libxl makes for a domain, those of its requests among them.</summary>
    public void MakeHome()
    {
        Make(Home + "/device", "n0", "r1");
        Make(Home + "/backend", "n0", "r1");
        Make(Home + "/error", "n1", "r0");
        Make(Home + "/feature", "n1", "r0");
        Make(Home + "/control", "n0", "r1");
        foreach (string node in (string[])["shutdown", "sysrq", "feature-poweroff", "feature-reboot", "feature-suspend"])
        {
            Write($"{Home}/control/{node}", "");
            Make($"{Home}/control/{node}", "n1", "r0");
        }
    }

    /// <summary>A device with its back end in state InitWait, and what both have in their nodes.</summary>
    public void AddDevice(string device, IEnumerable<KeyValuePair<string, string>> front, IEnumerable<KeyValuePair<string, string>> back)
    {
        Make(BackEnd(device), "n0", "r1");
        WriteAll(BackEnd(device), back);
        SetState(BackEnd(device), XenBusState.InitWait);
        Make(FrontEnd(device), "n1", "r0");
        WriteAll(FrontEnd(device), front);
        Write(FrontEnd(device) + "/backend", BackEnd(device));
        Write(FrontEnd(device) + "/backend-id", "0");
        SetState(FrontEnd(device), XenBusState.Initialising);
    }

    public void Remove(string device)
    {
        store.Expect(XsType.Rm, FrontEnd(device) + "\0");
        store.Expect(XsType.Rm, BackEnd(device) + "\0");
    }

    public void Dispose() => store.Dispose();

    private void WriteAll(string end, IEnumerable<KeyValuePair<string, string>> nodes)
    {
        foreach ((string node, string value) in nodes)
        {
            Write($"{end}/{node}", value);
        }
    }

    private void Make(string path, params string[] permissions)
    {
        store.Expect(XsType.Mkdir, path + "\0");
        store.Expect(XsType.SetPerms, $"{path}\0{string.Concat(permissions.Select(permission => permission + "\0"))}");
    }
}
