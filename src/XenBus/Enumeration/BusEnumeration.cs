using Xenlet.Kernel;
using Xenlet.XenStoreRing;

// The comparison of store and list follows sys/xen/xenbus/xenbusb.c of FreeBSD, whose notice is:
//
//
// Copyright (C) 2010 Spectra Logic Corporation
// Copyright (C) 2008 Doug Rabson
// Copyright (C) 2005 Rusty Russell, IBM Corporation
// Copyright (C) 2005 Mike Wray, Hewlett-Packard
// Copyright (C) 2005 XenSource Ltd
//
// This file may be distributed separately from the Linux kernel, or
// incorporated into other software packages, subject to the following license:
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this source file (the "Software"), to deal in the Software without
// restriction, including without limitation the rights to use, copy, modify,
// merge, publish, distribute, sublicense, and/or sell copies of the Software,
// and to permit persons to whom the Software is furnished to do so, subject to
// the following conditions:
//
// The above copyright notice and this permission notice shall be included in
// all copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
// FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
// IN THE SOFTWARE.

namespace Xenlet.XenBus.Enumeration;

/// <summary>
/// Compares the store with a bus's list of devices, where something may have changed, and says what follows. It changes neither: the bus
/// acts on the findings. Its reads are in flight together.
/// </summary>
/// <param name="devices">The bus's list.</param>
/// <param name="listing">Lists the nodes below a scope.</param>
/// <param name="examiner">Examines one node.</param>
/// <param name="skipped">The nodes that are no devices of the bus.</param>
/// <param name="failures">Reports what cannot be examined.</param>
internal sealed class BusEnumeration(
    IKnownDevices devices, NodeListing listing, NodeExaminer examiner, SkippedNodes skipped, FailureReports failures)
{
    /// <summary>Examines what is asked for. One enumeration runs at a time.</summary>
    /// <param name="request">What to examine; it belongs to the enumeration from here on.</param>
    public async Task<EnumerationResult> RunAsync(ExaminationRequest request)
    {
        Dictionary<string, bool> scopes = request.Scopes;
        Dictionary<string, HashSet<string>> nodes = request.Nodes;
        (IReadOnlyCollection<string> listed, IReadOnlyCollection<string> unlisted) =
            await listing.RunAsync(scopes.Keys).ConfigureAwait(EventLoop.IsCurrent);
        foreach (string node in listed)
        {
            nodes.TryAdd(node, []);
        }

        AddUnlisted(scopes, nodes);
        (string Node, Finding? Finding)[] examined = await Task.WhenAll(nodes.Select(async node =>
            (node.Key, await ExamineAsync(node.Key, node.Value, scopes.Count > 0).ConfigureAwait(EventLoop.IsCurrent))))
                .ConfigureAwait(EventLoop.IsCurrent);
        return new(
            scopes,
            [.. examined.OrderBy(node => node.Node, StringComparer.Ordinal).Select(node => node.Finding).OfType<Finding>()],
            unlisted,
            examined.Where(node => node.Finding is null).ToDictionary(
                node => node.Node, node => nodes[node.Node], StringComparer.Ordinal));
    }

    /// <summary>Adds what a scope covers and no list shows: what is gone from the store must be examined as well.</summary>
    private void AddUnlisted(Dictionary<string, bool> scopes, Dictionary<string, HashSet<string>> nodes)
    {
        if (scopes.Count == 0)
        {
            return;
        }

        foreach (string node in skipped.Nodes)
        {
            if (scopes.Keys.Any(scope => XenStorePath.IsAtOrBelow(node, scope)))
            {
                nodes.TryAdd(node, []);
            }
        }

        foreach (IKnownDevice device in devices.All())
        {
            foreach ((string scope, bool notify) in scopes)
            {
                if (XenStorePath.IsAtOrBelow(device.Node, scope))
                {
                    nodes.TryAdd(device.Node, []);
                    if (notify)
                    {
                        nodes[device.Node].Add("");
                    }
                }
            }
        }
    }

    /// <summary>What follows for one node; <see langword="null"/> when it must be examined again.</summary>
    private async Task<Finding?> ExamineAsync(string node, HashSet<string> changes, bool always)
    {
        try
        {
            Finding finding = devices.Find(node) is { } device
                ? await examiner.ExamineDeviceAsync(device, changes, always).ConfigureAwait(EventLoop.IsCurrent)
                : await examiner.ExamineUnknownAsync(node).ConfigureAwait(EventLoop.IsCurrent);
            failures.Forget(node);
            return finding;
        }
        catch (XenStoreException error)
        {
            // A device is gone only when the store says so.
            return failures.Add(node, error) ? null : new Finding.Nothing(node);
        }
    }
}
