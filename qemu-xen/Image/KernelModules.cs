namespace Xenlet.QemuXen.Image;

/// <summary>Sorts kernel modules so that each comes after those it depends on: the order in which insmod can load them.</summary>
internal static class KernelModules
{
    /// <summary>Returns the wanted modules and everything that they depend on, dependencies first, in a stable order.</summary>
    /// <param name="wanted">Module names as in file names or in "depends=" ("-" and "_" are the same).</param>
    /// <param name="user">Who needs them, for the message.</param>
    /// <param name="dependencies">
    /// Returns the dependencies of a module by its normalised name ("_"), or null if there is no such module.
    /// </param>
    /// <exception cref="QemuXenException">A module is missing or depends on itself.</exception>
    public static List<string> LoadOrder(IEnumerable<string> wanted, string user, Func<string, IReadOnlyList<string>?> dependencies)
    {
        List<string> order = new();
        Dictionary<string, bool> state = new(StringComparer.Ordinal);
        foreach (string module in wanted)
        {
            Visit(Normalise(module), user);
        }

        return order;

        void Visit(string module, string asker)
        {
            if (state.TryGetValue(module, out bool done))
            {
                if (!done)
                {
                    throw new QemuXenException($"The kernel module {module} depends on itself.");
                }

                return;
            }

            state[module] = false;
            IReadOnlyList<string> needs = dependencies(module)
                ?? throw new QemuXenException($"The kernel package has no module {module}, which {asker} needs.");
            foreach (string need in needs)
            {
                Visit(Normalise(need), module);
            }

            state[module] = true;
            order.Add(module);
        }
    }

    /// <summary>The kernel's name of a module: "xen-evtchn" and "xen_evtchn" are the same.</summary>
    public static string Normalise(string name) => name.Replace('-', '_');
}
