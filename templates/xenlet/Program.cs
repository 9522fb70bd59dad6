// Arguments come from the domain's command line: the property XenletCommandLine, or cmdline= in the .cfg.
Console.WriteLine($"Hello, {args.FirstOrDefault("Xen")}!");
