open System

// Arguments come from the domain's command line: the property XenletCommandLine, or cmdline= in the .cfg.
// printfn, sprintf and $"..." make code at run time, which a native image cannot: Console.WriteLine and + do without.
[<EntryPoint>]
let main arguments =
    let name = arguments |> Array.tryHead |> Option.defaultValue "Xen"
    Console.WriteLine("Hello, " + name + "!")
    0
