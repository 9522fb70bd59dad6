using Xenlet.Kernel;
using Xenlet.XenStoreRing;

// The way from a bus's directory to its devices follows sys/xen/xenbus/xenbusb.c of FreeBSD, whose notice is:
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

/// <summary>Lists the nodes that a bus's directory has where devices are. Directories are listed together, not one after another.</summary>
/// <param name="store">The store.</param>
/// <param name="layout">How deep devices are.</param>
/// <param name="failures">Reports the directories that cannot be listed.</param>
internal sealed class NodeListing(XenStoreClient store, BusLayout layout, FailureReports failures)
{
    /// <summary>Lists what is at or below some paths.</summary>
    /// <returns>The nodes that were found, and the paths that are to be listed again. Either may name one twice, in any order.</returns>
    public async Task<(IReadOnlyCollection<string> Nodes, IReadOnlyCollection<string> Unlisted)> RunAsync(IEnumerable<string> scopes)
    {
        List<string> nodes = [];
        List<string> unlisted = [];
        await ListAllAsync(scopes, nodes, unlisted).ConfigureAwait(EventLoop.IsCurrent);
        return (nodes, unlisted);
    }

    private Task ListAllAsync(IEnumerable<string> paths, List<string> nodes, List<string> unlisted) =>
        Task.WhenAll(paths.Select(path => ListAsync(path, nodes, unlisted)));

    private async Task ListAsync(string path, List<string> nodes, List<string> unlisted)
    {
        if (layout.IsDevice(path))
        {
            lock (nodes)
            {
                nodes.Add(path);
            }

            return;
        }

        string[]? names;
        try
        {
            names = await store.TryDirectoryAsync(path).ConfigureAwait(EventLoop.IsCurrent);
            failures.Forget(path);
        }
        catch (XenStoreException error)
        {
            if (failures.Add(path, error))
            {
                lock (unlisted)
                {
                    unlisted.Add(path);
                }
            }

            return;
        }

        await ListAllAsync((names ?? []).Select(name => $"{path}/{name}"), nodes, unlisted).ConfigureAwait(EventLoop.IsCurrent);
    }
}
