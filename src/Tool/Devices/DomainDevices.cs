using System.Globalization;
using System.Text;
using Xenlet.Kernel;
using Xenlet.Tool.Base;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Tool.Devices;

/// <summary>The devices of domains, as a tool stack and the two ends of each have written them into xenstore.</summary>
/// <param name="store">Xenstore, with dom0's rights.</param>
internal sealed class DomainDevices(XenStoreClient store)
{
    private const string Domains = "/local/domain";

    /// <summary>Nodes of a back end that say what the tool stack configured, by the type of the device.</summary>
    private static readonly Dictionary<string, string[]> Configuration = new(StringComparer.Ordinal)
    {
        ["vbd"] = ["params", "mode"],
        ["vif"] = ["mac", "bridge", "ip"],
    };

    /// <summary>The text for a domain, or for all.</summary>
    /// <param name="wanted">Its number or its name; null for all domains.</param>
    /// <exception cref="ToolException">There is no such domain.</exception>
    /// <exception cref="XenStoreException">Xenstore does not answer.</exception>
    public async Task<string> FormatAsync(string? wanted)
    {
        List<(int Id, string Name)> domains = [];
        foreach (string word in await store.TryDirectoryAsync(Domains) ?? [])
        {
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                domains.Add((id, await ReadAsync($"{Domains}/{id}/name") ?? ""));
            }
        }

        (int Id, string Name)[] shown = [.. domains
            .Where(domain => wanted is null || domain.Name == wanted || domain.Id.ToString(CultureInfo.InvariantCulture) == wanted)
            .OrderBy(domain => domain.Id)];
        if (wanted is not null && shown.Length == 0)
        {
            string known = string.Join(", ", domains.OrderBy(domain => domain.Id).Select(domain => $"{domain.Id} {domain.Name}".Trim()));
            throw new ToolException(ForeignText.Escape($"tree: there is no domain '{wanted}' in xenstore; there are {known}"));
        }

        StringBuilder text = new();
        foreach ((int id, string name) in shown)
        {
            text.Append($"domain {id.ToString(CultureInfo.InvariantCulture)} {ForeignText.Escape(name)}".TrimEnd()).Append('\n');
            foreach (string line in await ListAsync($"{Domains}/{id}"))
            {
                text.Append("  ").Append(ForeignText.Escape(line)).Append('\n');
            }
        }

        return text.ToString();
    }

    private async Task<IReadOnlyList<string>> ListAsync(string home)
    {
        List<string> lines = ["device"];
        foreach (string type in await ListNodeAsync($"{home}/device"))
        {
            foreach (string id in await ListNodeAsync($"{home}/device/{type}"))
            {
                lines.AddRange(await DescribeAsync(home, $"device/{type}/{id}", $"{type}/{id}", type, "backend"));
            }
        }

        lines.Add("backend");
        foreach (string type in await ListNodeAsync($"{home}/backend"))
        {
            foreach (string domain in await ListNodeAsync($"{home}/backend/{type}"))
            {
                foreach (string id in await ListNodeAsync($"{home}/backend/{type}/{domain}"))
                {
                    lines.AddRange(
                        await DescribeAsync(home, $"backend/{type}/{domain}/{id}", $"{type}/{domain}/{id}", type, "frontend"));
                }
            }
        }

        return lines;
    }

    /// <summary>The lines of one end of a device.</summary>
    /// <param name="home">The domain's directory.</param>
    /// <param name="node">The end's own, from there.</param>
    /// <param name="name">How the bus calls it.</param>
    /// <param name="type">The device's type.</param>
    /// <param name="other">The node that says where the other end is; with <c>-id</c>, whose it is.</param>
    private async Task<IEnumerable<string>> DescribeAsync(string home, string node, string name, string type, string other)
    {
        string path = $"{home}/{node}";
        string? otherPath = await ReadAsync($"{path}/{other}");
        string? otherDomain = await ReadAsync($"{path}/{other}-id");
        string state = await ReadStateAsync($"{path}/state");
        List<string> lines = [];
        if (otherPath is null)
        {
            lines.Add($"  {name}  {state}  (nothing says where its other end is)");
        }
        else
        {
            string otherState = await ReadStateAsync($"{otherPath}/state");
            lines.Add($"  {name}  {state}  <-> {otherState} at domain {otherDomain ?? "?"}, {otherPath}");
        }

        if (other == "backend" && otherPath is not null && Configuration.GetValueOrDefault(type) is { } nodes)
        {
            List<string> words = [];
            foreach (string configured in nodes)
            {
                if (await ReadAsync($"{otherPath}/{configured}") is { Length: > 0 } value)
                {
                    words.Add($"{configured} {value}");
                }
            }

            if (words.Count > 0)
            {
                lines.Add($"    {string.Join(", ", words)}");
            }
        }

        if (await ReadAsync($"{home}/error/{node}/error") is { } error)
        {
            lines.Add($"    error: {error}");
        }

        return lines;
    }

    private async Task<string> ReadStateAsync(string path) =>
        await ReadAsync(path) is { } state ? XenBusStates.Parse(state).ToString() : "(no state)";

    private async Task<IEnumerable<string>> ListNodeAsync(string path) =>
        await OrNullAsync(store.TryDirectoryAsync(path).AsTask()) is { } names
            ? names.OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal)
            : [];

    private Task<string?> ReadAsync(string path) => OrNullAsync(store.TryReadAsync(path).AsTask());

    /// <summary>What a Linux guest that asks may not read is as if it were not there.</summary>
    private static async Task<T?> OrNullAsync<T>(Task<T?> reading)
        where T : class
    {
        try
        {
            return await reading;
        }
        catch (XenStoreException failure) when (failure.Error is XenStoreError.EACCES or XenStoreError.EINVAL)
        {
            return null;
        }
    }
}
