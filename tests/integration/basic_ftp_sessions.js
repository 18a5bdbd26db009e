// Copyright (c) The ftpserver authors.
// See LICENSE for details.
//
// Sessions of basic-ftp, one after another: see session_program.py for what is read and written.
"use strict"

const fs = require("node:fs")
const readline = require("node:readline")

const { Client } = require("basic-ftp")

let client

const calls = {
    async open(host, port, kind, mode, version, authority, level, user, password) {
        client = new Client(60000)
        await client.access({
            host, port: Number(port), user, password,
            secure: kind === "implicit" ? "implicit" : true,
            secureOptions: {
                ca: fs.readFileSync(authority), minVersion: `TLSv${version}`, maxVersion: `TLSv${version}`
            }
        })
    },
    async upload(local, remote) { await client.uploadFrom(local, remote) },
    async download(remote, local) { await client.downloadTo(local, remote) },
    async resumeUpload(local, remote, offset) {
        await client.appendFrom(local, remote, { localStart: Number(offset) })
    },
    async resumeDownload(remote, local) { await client.downloadTo(local, remote, fs.statSync(local).size) },
    async append(local, remote) { await client.appendFrom(local, remote) },
    async names(directory) { return (await client.list(directory || undefined)).map(entry => entry.name) },
    async rename(from, to) { await client.rename(from, to) },
    async delete(path) { await client.remove(path) },
    async makeDirectory(path) { await client.send(`MKD ${path}`) },
    async removeDirectory(path) { await client.removeEmptyDir(path) },
    async close() {
        if (!client.closed) {
            await client.send("QUIT")
        }
        client.close()
    }
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const [name, ...words] = line.split("\t")
        try {
            console.log(["ok", ...(await calls[name](...words) ?? [])].join("\t"))
        } catch (error) {
            console.log(["error", `${error.code ?? ""} ${error.message}`.replace(/\s+/g, " ")].join("\t"))
        }
    }
}

main()
